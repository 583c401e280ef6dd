import Testing

/// The parent of all suites of this bundle that talk over MPI: its tests run one at a time, in the same order on all ranks.
@Suite(.serialized) struct RankTests {}
