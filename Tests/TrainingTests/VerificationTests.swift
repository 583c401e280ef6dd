import Testing

@testable import Training

@Suite struct VerificationTests {
  private static func configuration(_ overrides: [String] = []) throws -> Configuration {
    try Configuration(yaml: smallConfiguration, overrides: ["training.reproducible=true"] + overrides)
  }

  /// Runs a verification whose combinations come to the weights that `sha256` gives.
  private static func run(
    ranks: [Int], threads: [Int], _ sha256: (Verification.Combination) -> String
  ) throws -> (result: VerificationResult, lines: [String]) {
    let verification = try Verification(configuration(), ranks: ranks, threads: threads)
    var lines: [String] = []
    let result = try verification.run {
      Verification.Outcome($0, seconds: 1.5, sha256: sha256($0))
    } each: {
      lines.append($0.line)
    }
    return (result, lines)
  }

  @Test func theSameBitsOnAllCombinationsAreSaidSo() throws {
    let hash = String(repeating: "0123456789abcdef", count: 4)
    let (result, lines) = try Self.run(ranks: [1], threads: [1, 2, 8]) { _ in hash }
    #expect(
      [Verification.Outcome.heading] + lines == [
        "ranks  threads   seconds  weights", "    1        1      1.50  0123456789ab",
        "    1        2      1.50  0123456789ab", "    1        8      1.50  0123456789ab",
      ])
    #expect(result.verdict == "same bits on all 3 combinations" && result.exitStatus == 0)
    #expect(result.json == #"{"combinations":3,"different":0,"same":true}"#)
    #expect(
      result.outcomes[1].json
        == "{\"ranks\":1,\"seconds\":1.5,\"threads\":2,\"weights_sha256\":\"\(hash)\"}")
  }

  @Test func combinationsThatDifferFromTheFirstAreNamed() throws {
    let (one, _) = try Self.run(ranks: [1], threads: [1, 2, 3]) { $0.threads == 2 ? "bbbb" : "aaaa" }
    #expect(one.verdict == "different bits: 1 rank x 2 threads (bbbb) differs from 1 rank x 1 thread (aaaa)")
    #expect(one.exitStatus == 1 && one.json == #"{"combinations":3,"different":1,"same":false}"#)
    let (all, _) = try Self.run(ranks: [1], threads: [1, 2, 3]) { "h\($0.threads)" }
    #expect(
      all.verdict == "different bits: 1 rank x 2 threads (h2), 1 rank x 3 threads (h3) differ from "
        + "1 rank x 1 thread (h1)")
    // The whole of a digest counts, not what is shown of it.
    let long = String(repeating: "a", count: 63)
    #expect(try Self.run(ranks: [1], threads: [1, 2]) { "\(long)\($0.threads)" }.result.exitStatus == 1)
  }

  @Test func allRanksAreCombinedWithAllThreads() throws {
    let verification = try Verification(Self.configuration(), ranks: [1, 1], threads: [2, 1])
    #expect(
      verification.combinations == [
        .init(ranks: 1, threads: 2), .init(ranks: 1, threads: 1), .init(ranks: 1, threads: 2),
        .init(ranks: 1, threads: 1),
      ])
  }

  @Test func whatCannotBeVerifiedIsRefused() throws {
    func problem(_ configuration: Configuration, ranks: [Int], threads: [Int] = [1]) -> String? {
      let error = #expect(throws: ConfigurationError.self) {
        try Verification(configuration, ranks: ranks, threads: threads)
      }
      #expect(error?.exitStatus == 2)
      return error?.description
    }
    let fast = try Self.configuration(["training.reproducible=false"])
    #expect(
      problem(fast, ranks: [1, 2])
        == "training.reproducible: it is false, so the bits may depend on the number of ranks; add "
        + "--set training.reproducible=true")
    #expect(problem(try Self.configuration(), ranks: [1])?.hasPrefix("there is nothing to compare") == true)
    // Two microbatches.
    #expect(problem(try Self.configuration(), ranks: [1, 3]) != nil)
  }

  @Test func aRankMustNotStartRanks() {
    #expect(Verification.refusal(["PATH": "/bin", "SLURM_JOB_ID": "7"]) == nil)
    #expect(Verification.refusal(["OMPI_COMM_WORLD_RANK": "0"])?.contains("without mpirun") == true)
    #expect(Verification.refusal(["PMIX_RANK": "3"]) != nil)
  }

  @Test func moreThreadsThanCoresYield() {
    let job = VerificationJob(
      program: "/opt/rondo", config: "c.yaml", overrides: ["seed=2"], timeout: 9, environment: [:])
    let words = job.words(.init(ranks: 3, threads: job.cores), output: "/tmp/run")
    #expect(
      words == [
        "mpirun", "-n", "3", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1",
        "--timeout", "9", "/opt/rondo", "train", "c.yaml", "--set", "seed=2", "--threads", "\(job.cores)",
        "--output", "/tmp/run", "--json", "--set", "checkpoint.survive=false",
      ])
    #expect(!job.words(.init(ranks: 1, threads: 1), output: "").contains("mpi_yield_when_idle"))
  }
}
