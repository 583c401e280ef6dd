import Collectives
import Testing

@Suite struct AlgorithmTests {
  @Test func everyNameLeadsToItsAlgorithm() throws {
    for algorithm in Algorithm.allCases {
      #expect(algorithm.scheduled(elementBytes: 4)?.name ?? "mpi" == algorithm.rawValue)
      #expect(try AllreduceWay(named: algorithm.rawValue) == .messages(algorithm))
    }
  }

  @Test(arguments: ["Ring", "", "rign"])
  func anUnknownNameIsAnErrorThatListsTheNamesThereAre(name: String) {
    let error = #expect(throws: UnknownAllreduceWay.self) { try AllreduceWay(named: name) }
    #expect(
      error?.description == "there is no allreduce algorithm \"\(name)\"; there are: mpi, ring, "
        + "recursive-doubling, halving-doubling, direct, linear, tree, shared, two-level, auto")
  }

  @Test func anOrderOfAdditionsPrintsItsTree() {
    #expect(AdditionOrder.chain([2, 0, 1]).description == "(2 + 0) + 1")
  }
}
