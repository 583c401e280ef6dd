import Datasets
import Testing

@Suite struct SpellingTests {
  @Test(arguments: [
    ("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("lerning", "learning", 1), ("bacth", "batch", 1),
    ("ca", "abc", 3), ("same", "same", 0),
  ])
  func distanceCountsSlips(first: String, second: String, expected: Int) {
    #expect(Spelling.distance(first, second) == expected)
    #expect(Spelling.distance(second, first) == expected)
  }

  @Test func onlyNearNamesAreSuggested() {
    let names = ["batch", "microbatch", "epochs"]
    #expect(Spelling.nearest(to: "Bacth", among: names) == "batch")
    #expect(Spelling.nearest(to: "epoch", among: names) == "epochs")
    #expect(Spelling.nearest(to: "momentum", among: names) == nil)
    #expect(Spelling.nearest(to: "x", among: [String]()) == nil)
  }
}
