import Foundation
import MPITestSupport
import Testing

/// `rondo simulate`: what it prints, and what it refuses.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct SimulateTests {
  @Test func severalRanksOnSeveralNodesAreSimulatedOnTwoLevelsToo() throws {
    let lines = try lines(["--ranks", "8", "--ranks-per-node", "2", "--min", "64KiB", "--max", "64KiB"])
    let names = lines.compactMap { $0["algorithm"] as? String }
    #expect(names == ["ring", "recursive-doubling", "halving-doubling", "direct", "linear", "two-level"])
    let seconds = lines.compactMap { $0["time_us"] as? Double }
    // Half of the ranks are left between nodes.
    #expect(seconds.count == 6 && seconds.dropLast().allSatisfy { $0 > seconds[5] }, "\(seconds)")
    let between = try #require(lines.last?["between"] as? String)
    #expect(names.contains(between))
    let chosen = try self.lines([
      "--ranks", "8", "--ranks-per-node", "2", "--min", "64KiB", "--max", "64KiB", "--algorithm", "two-level",
      "--between", between,
    ])
    #expect(chosen.compactMap { $0["time_us"] as? Double } == [seconds[5]])
  }

  @Test func ranksOfOneNodeAreSimulatedInSharedMemory() throws {
    let lines = try lines(["--ranks", "4", "--ranks-per-node", "4", "--max", "4KiB"])
    #expect(lines.last?["algorithm"] as? String == "shared")
  }

  @Test(arguments: [
    (["--algorithm", "two-level", "--ranks", "4"], "two-level is for several nodes with several ranks each"),
    (
      ["--algorithm", "shared", "--ranks", "4", "--ranks-per-node", "2"],
      "shared is for ranks of one node: give --ranks-per-node 4"
    ),
    (["--algorithm", "linear", "--ranks", "4096", "--min", "64MiB"], "more messages than memory holds"),
    (["--between", "tree", "--ranks", "4"], "there are no schedules of \"tree\""),
  ])
  func whatCannotBeSimulatedIsRefused(arguments: [String], reason: String) throws {
    let job = try Job.run(ranks: 1, program: try rondo(), arguments: ["simulate"] + arguments)
    #expect(job.exitStatus == 2, "\(job)")
    #expect(job.output.contains("rondo: error: ") && job.output.contains(reason), "\(job)")
  }

  @Test(arguments: [
    ("digits.yaml", "model: { kind: mlp }", "this is no network model, it is no JSON;"),
    ("summary.json", "{\"steps\": 4}", "this is no network model, latency_seconds is missing;"),
    ("text.json", "{\"latency_seconds\": \"1\"}", "latency_seconds is not of the right kind;"),
    ("nothing.json", nil, "there is no such file, or it cannot be read"),
    (
      "negative.json",
      "{\"latency_seconds\": -1, \"bandwidth_bytes_per_second\": 1e9, \"reduction_bytes_per_second\": 4e9}",
      "latency_seconds must be from 0 to"
    ),
  ])
  func aFileOfAnotherKindIsRefusedWithTheWayToOneThatIsRight(name: String, text: String?, reason: String)
    throws
  {
    let directory = try TemporaryDirectory()
    if let text { _ = try directory.write(name, text) }
    let path = "\(directory.path)/\(name)"
    let job = try Job.run(
      ranks: 1, program: try rondo(), arguments: ["simulate", "--ranks", "4", "--model", path])
    #expect(job.exitStatus == 2 && job.errors.count == 1, "\(job)")
    for part in ["--model \(path): ", reason, "rondo bench network --json > network.json"] {
      #expect(job.errors.first?.contains(part) == true, "\(part): \(job)")
    }
  }

  @Test(arguments: [[], ["--json"]]) func whatAllLeavesOutIsNamed(options: [String]) throws {
    let job = try Job.run(
      ranks: 1, program: try rondo(),
      arguments: ["simulate", "--ranks", "16384", "--min", "4KiB", "--max", "4KiB"] + options)
    #expect(job.exitStatus == 0, "\(job)")
    let note = "ring, direct of 4096 bytes left out: more messages than memory holds"
    #expect(job.output.contains(options.isEmpty ? "# \(note)" : "rondo: \(note)"), "\(job)")
  }

  private func lines(_ arguments: [String]) throws -> [[String: Any]] {
    let job = try Job.run(ranks: 1, program: try rondo(), arguments: ["simulate", "--json"] + arguments)
    #expect(job.exitStatus == 0, "\(job)")
    return try job.output.split(separator: "\n").compactMap { line in
      try line.firstIndex(of: "{").map { start in
        try #require(try JSONSerialization.jsonObject(with: Data(line[start...].utf8)) as? [String: Any])
      }
    }
  }
}
