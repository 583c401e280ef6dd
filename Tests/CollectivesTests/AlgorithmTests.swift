import Collectives
import Testing

@Suite struct AlgorithmTests {
  @Test func everyNameLeadsToItsAlgorithm() throws {
    for algorithm in Algorithm.allCases {
      #expect(try Algorithm(named: algorithm.rawValue) == algorithm)
      #expect(algorithm.scheduled(elementBytes: 4)?.name ?? "mpi" == algorithm.rawValue)
    }
  }

  @Test(arguments: ["tree", "Ring", "", "rign"])
  func anUnknownNameIsAnErrorThatListsTheNamesThereAre(name: String) {
    let error = #expect(throws: UnknownAlgorithm.self) { try Algorithm(named: name) }
    #expect(
      error?.description == "there is no allreduce algorithm \"\(name)\"; "
        + "there are: mpi, ring, recursive-doubling, halving-doubling, direct, linear")
  }

  @Test func anOrderOfAdditionsPrintsItsTree() {
    #expect(AdditionOrder.chain([2, 0, 1]).description == "(2 + 0) + 1")
  }
}
