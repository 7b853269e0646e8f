"""The platform of this course: the one place that says which."""

from course_utils.platforms.olat.downloads import read_download as read
from course_utils.platforms.olat.write_back import clean_comment
from course_utils.platforms.olat.write_back import write_files as give_back

__all__ = ["clean_comment", "give_back", "read"]
