"""The access matrix: which role may do what. A new action without a row here cannot be asked for."""

from __future__ import annotations

from enum import StrEnum

from sitting.domain.errors import NotAllowed
from sitting.domain.user import STAFF_ROLES, Role
from sitting.identity.identify import Identity


class Action(StrEnum):
    USE_ACCOUNT = "use_account"
    TAKE_TESTS = "take_tests"
    READ_BANK = "read_bank"
    EDIT_BANK = "edit_bank"
    RUN_MODELS = "run_models"
    REVIEW_QUESTIONS = "review_questions"
    READ_TESTS = "read_tests"
    EDIT_TESTS = "edit_tests"
    TRY_TESTS = "try_tests"
    READ_APPLICATIONS = "read_applications"
    INVITE = "invite"
    READ_ASSESSMENTS = "read_assessments"
    INVIGILATE = "invigilate"
    READ_USERS = "read_users"
    EDIT_USERS = "edit_users"


_AUTHORS = frozenset({Role.AUTHOR, Role.ADMIN})
MATRIX: dict[Action, frozenset[Role]] = {
    Action.USE_ACCOUNT: frozenset(Role),
    Action.TAKE_TESTS: frozenset(Role),
    Action.READ_BANK: frozenset({Role.AUTHOR, Role.REVIEWER, Role.ADMIN}),
    Action.EDIT_BANK: _AUTHORS,
    Action.RUN_MODELS: _AUTHORS,
    Action.REVIEW_QUESTIONS: frozenset({Role.AUTHOR, Role.REVIEWER, Role.ADMIN}),
    Action.READ_TESTS: STAFF_ROLES,
    Action.EDIT_TESTS: _AUTHORS,
    Action.TRY_TESTS: frozenset({Role.AUTHOR, Role.REVIEWER, Role.ADMIN}),
    Action.READ_APPLICATIONS: STAFF_ROLES,
    Action.INVITE: _AUTHORS,
    Action.READ_ASSESSMENTS: STAFF_ROLES,
    Action.INVIGILATE: frozenset({Role.INVIGILATOR, Role.ADMIN}),
    Action.READ_USERS: STAFF_ROLES,
    Action.EDIT_USERS: frozenset({Role.ADMIN}),
}


def may(identity: Identity, action: Action) -> bool:
    """Whether one of the caller's roles allows the action."""
    return not MATRIX[action].isdisjoint(identity.roles)


def require(identity: Identity, action: Action) -> None:
    """Refuse whoever may not.

    Raises:
        NotAllowed: no role of the caller allows the action.
    """
    if not may(identity, action):
        raise NotAllowed()
