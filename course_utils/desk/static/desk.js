// Keys, and the points while lines are ticked. Without it everything works by mouse or Tab.
"use strict";

const form = document.getElementById("decision");
const isTyping = (element) => element.matches("textarea, select, input:not([type=checkbox])");

function count() {
  let total = 0;
  for (const box of form.querySelectorAll("input[name=tick]:checked")) total += Number(box.dataset.points);
  const by = Number(form.elements.adjustment.value.trim().replace(",", ".").replace("\u2212", "-"));
  total += Number.isNaN(by) ? 0 : by;
  const points = Math.min(Math.max(total, 0), Number(form.dataset.max));
  document.getElementById("points").value = String(Math.round(points * 1000) / 1000);
}

function press(target) {
  if (target.matches("textarea")) {
    target.focus();
  } else if (target.matches("summary")) {
    target.parentElement.open = !target.parentElement.open;
    target.focus();
  } else {
    target.click();
    if (target.matches("input")) target.focus();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.repeat && event.key === "Enter" && !event.target.matches("textarea")) {
    event.preventDefault();  // a key that is held decides once
    return;
  }
  if (event.ctrlKey && event.key === "Enter" && form) {
    event.preventDefault();
    form.requestSubmit(form.querySelector("button[data-key=Enter]"));
    return;
  }
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Escape" && isTyping(event.target)) {
    event.target.blur();
    return;
  }
  if (isTyping(event.target)) return;
  if (event.key === "Enter" && event.target.matches("a, button, summary")) return;
  const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (target) {
    event.preventDefault();
    press(target);
  }
});

if (form) {
  form.addEventListener("input", count);
  form.addEventListener("change", (event) => {
    // "Nothing of it" and a line exclude each other.
    if (event.target.name === "none" && event.target.checked) {
      for (const box of form.querySelectorAll("input[name=tick]:checked")) box.checked = false;
    } else if (event.target.name === "tick" && event.target.checked) {
      form.elements.none.checked = false;
    }
    count();
  });
  for (const button of form.querySelectorAll("[data-comment]")) {
    button.addEventListener("click", () => {
      const box = form.elements.comment;
      box.value = box.value.trim() ? `${box.value.trim()}\n\n${button.dataset.comment}` : button.dataset.comment;
      box.focus();
    });
  }
  // A second press must not decide about the answer behind this one.
  let sent = false;
  form.addEventListener("submit", (event) => {
    const isEmpty = !form.querySelector("input[name=tick]:checked, input[name=none]:checked")
      && !form.elements.adjustment.value.trim();
    document.getElementById("missing").hidden = !isEmpty;
    if (sent || isEmpty) event.preventDefault();
    else sent = true;
  });
  window.addEventListener("pageshow", () => { sent = false; count(); });
}
