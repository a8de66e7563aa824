"""The verbs that both frames have."""

from gradframe._frame.columns import ColumnVerbs
from gradframe._frame.joins import JoinVerbs
from gradframe._frame.learning import LearningVerbs
from gradframe._frame.matching import MatchingVerbs
from gradframe._frame.pivot import PivotVerbs
from gradframe._frame.reshaping import ReshapingVerbs
from gradframe._frame.rows import RowVerbs
from gradframe._frame.summaries import SummaryVerbs


class Verbs(ColumnVerbs, RowVerbs, JoinVerbs, ReshapingVerbs, PivotVerbs, SummaryVerbs, LearningVerbs, MatchingVerbs):
    """Everything that a query grows by."""

    __slots__ = ()
