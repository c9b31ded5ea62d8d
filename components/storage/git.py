"""What git is started with: the repository that a command is about, whatever the caller's own git is about."""

from collections.abc import Mapping

# Set by git itself for its hooks, or by a person: they would lead every command to another repository.
FOREIGN = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
        "GIT_OBJECT_DIRECTORY",
        # Paths would be read in another way than they are written.
        "GIT_LITERAL_PATHSPECS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
    }
)


def without_git(values: Mapping[str, str]) -> dict[str, str]:
    """The environment `values` without what names another repository."""
    return {key: value for key, value in values.items() if key not in FOREIGN}
