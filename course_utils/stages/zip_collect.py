"""nbgrader's own `zip_collect`, fed with OpenOlat's downloads.

In ``nbgrader_config.py``::

    c.ZipCollectApp.extractor_plugin = "course_utils.stages.zip_collect.OlatExtractor"
    c.ZipCollectApp.collector_plugin = "course_utils.stages.zip_collect.OlatCollector"

Downloads go to ``downloaded/<assignment>/archive/``; then ``nbgrader zip_collect <assignment>``. It gives the
``submitted/`` folder that `course collect` makes of all of them at once, without its tables and without its memory of
what was collected before: what cannot be placed is in nbgrader's log.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin

from course_utils.classroom.roster import read_roster
from course_utils.classroom.settings import OpenOlat
from course_utils.notebooks.recognising import read_catalogue
from course_utils.platforms.hand_ins import Wanted
from course_utils.stages.collect import place_first_that_counts, read, settle
from course_utils.stages.course_assignment import CourseAssignment
from course_utils.stages.placing import holds_work

__all__ = ["OlatCollector", "OlatExtractor"]


class OlatExtractor(ExtractorPlugin):
    """Extract hand-ins from OpenOlat's downloads to ``<student_id>/<file>``, with the time of submission."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Extract everything in one folder of downloads.

        Parameters
        ----------
        archive_path : str
            Folder with OpenOlat's downloads.
        extracted_path : str
            Folder for one folder per student.
        """
        coursedir: CourseDirectory = self.parent.coursedir
        course, assignment = Path(coursedir.root), coursedir.assignment_id
        config = self.parent.config
        catalogue = read_catalogue(course, assignment, coursedir.source_directory, config)
        there = CourseAssignment(
            course, assignment, config, OpenOlat(parent=self), coursedir, read_roster(course), catalogue
        )
        target = Path(extracted_path)
        with tempfile.TemporaryDirectory(prefix=".extract-", dir=course) as staging:
            files = sorted(Path(archive_path).iterdir())
            self.log.info("Extracting from: %s", ", ".join(path.name for path in files))
            downloads = read(there, files, Path(staging), Wanted(assignment))
            for download in downloads:
                for problem in download.problems:
                    self.log.error("%s %s: %s", problem.folder or problem.download, problem.file, problem.reason)
            weigh = functools.partial(holds_work, there, Path(staging))
            settled = settle(downloads, there.roster, holds_work=weigh)
            for owner in settled.undecided:
                self.log.error("%s: different hand-ins, and no time says which is newer", owner.owner_id)
            for number, newest in enumerate(settled.chosen):
                folder = Path(staging, f"hand-in-{number}")
                folder.mkdir()
                placed = place_first_that_counts(there, settled.candidates(newest), folder)
                placement, hand_in = placed.placement, placed.hand_in
                owner_id = hand_in.owner.owner_id
                for other in placed.passed:
                    self.log.error("%s: the hand-in %s %s", owner_id, other.hand_in.where, other.why)
                for file, reason, _ in placement.refused:
                    self.log.error("%s: %s %s", owner_id, file, reason)
                for note in placement.notes:
                    self.log.warning("%s: %s", owner_id, note)
                if placed.refusal:
                    self.log.error("%s: the hand-in %s", owner_id, placed.why)
                    continue
                for parts, content in placement.files.items():
                    path = target.joinpath(owner_id, *parts)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    if isinstance(content, Path):
                        shutil.copyfile(content, path)
                    else:
                        path.write_bytes(content.encode())


class OlatCollector(FileNameCollectorPlugin):
    """Say whose an extracted file is: the first folder is the student, the rest the file's own path."""

    def collect(self, submitted_file: str) -> dict | None:
        """Return student, file and time for one extracted file.

        Parameters
        ----------
        submitted_file : str
            Absolute path.

        Returns
        -------
        dict or None
            With ``student_id`` and ``file_id``; None for a file that no extractor of ours put there.
        """
        app = self.parent
        extracted = Path(app._format_collect_path(app.extracted_directory))
        path = Path(submitted_file)
        try:
            student_id, *parts = path.relative_to(extracted).parts
        except ValueError:
            return None
        return {"student_id": student_id, "file_id": "/".join(parts)} if parts else None
