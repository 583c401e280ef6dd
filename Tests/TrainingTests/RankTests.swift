import Testing

/// All suites that talk over MPI.
@Suite(.serialized) struct RankTests {}
