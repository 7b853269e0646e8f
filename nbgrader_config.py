# The settings of the course, grouped by stage; settings only. Works for `nbgrader ...` and for `course ...`.
c = get_config()  # noqa: F821

# The course.
c.CourseDirectory.course_id = "deep-learning"
# "hidden": what only tests may see, source/<assignment>/hidden/; never handed out. CONTRIBUTING.md.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".*", "hidden"]
# What held-out pictures are drawn from. Empty: made at first use and kept in .course-secret; keep it with the backup.
c.Course.secret = ""
# "de": the feedback pages' own words in German.
c.Course.language = "en"
# SQLite beside this file is the default. A large course: "postgresql+psycopg://user@host/gradebook".
# c.CourseDirectory.db_url = ""

# Release: what takes the place of a solution.
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"

# Autograde: repair, then run in the sandbox with the tests in a process of their own.
c.Autograde.exporter_class = "course_utils.grading.nbgrader_plugins.SubmissionExporter"
c.Autograde.pre_convert_hook = "course_utils.grading.nbgrader_plugins.move_links_away"
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.ClearOutput",
    "course_utils.grading.nbgrader_plugins.RepairNotebook",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "course_utils.grading.nbgrader_plugins.GradeNotebook",
    "course_utils.grading.nbgrader_plugins.SaveGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.AssignLatePenalties.plugin_class = "course_utils.classroom.deadlines.LatePolicy"
# Limits that differ from the defaults, by their names in docs/grading.md; {} keeps all.
c.GradeNotebook.limits = {}
# Trained networks count whatever they were trained on. "CIFAR-10": the stand-in earns nothing; docs/cifar.md.
c.GradeNotebook.data = "any"

# Feedback: messages of hidden tests stay, their source goes; nothing of a student's output runs in a browser.
c.GenerateFeedback.preprocessors = [
    "course_utils.grading.nbgrader_plugins.GetGrades",
    "course_utils.grading.nbgrader_plugins.ClearCoursesHiddenTests",
    "course_utils.grading.nbgrader_plugins.FeedbackNotes",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
c.GenerateFeedback.exporter_class = "course_utils.grading.pages.FeedbackExporter"
c.HTMLExporter.sanitize_html = True
# The same in the pages of formgrader, whose templates know of no sanitizing.
c.HTMLExporter.filters = {
    "markdown2html": "course_utils.grading.pages.markdown2html",
    "highlight_code": "course_utils.grading.pages.highlight_code",
    "strip_files_prefix": "course_utils.grading.pages.unchanged",
}

# OpenOlat: docs/olat.md tells all settings.
c.OpenOlat.timezone = "Europe/Berlin"
c.OpenOlat.course_title = "Deep Learning"
c.Deadlines.due = {}
c.Deadlines.grace_minutes = {"*": 15}
c.Deadlines.policy = "none"
c.ZipCollectApp.extractor_plugin = "course_utils.stages.zip_collect.OlatExtractor"
c.ZipCollectApp.collector_plugin = "course_utils.stages.zip_collect.OlatCollector"

# `nbgrader export`: who handed in nothing has no points, members have those of their group.
c.ExportApp.plugin_class = "course_utils.classroom.export.ScoreTableExporter"
