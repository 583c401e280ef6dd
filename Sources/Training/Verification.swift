import Foundation
import MPI

/// Trains one configuration with several numbers of ranks and threads, and compares the bits of the weights.
public struct Verification: Sendable {
  /// Ranks, and threads of each.
  public struct Combination: Sendable, Equatable, CustomStringConvertible {
    public let ranks: Int
    public let threads: Int

    public init(ranks: Int, threads: Int) {
      self.ranks = ranks
      self.threads = threads
    }

    /// `2 ranks x 1 thread`
    public var description: String {
      "\(ranks) rank\(ranks == 1 ? "" : "s") x \(threads) thread\(threads == 1 ? "" : "s")"
    }
  }

  /// What one combination came to.
  public struct Outcome: Sendable, Equatable {
    public let combination: Combination
    /// From the start of the job to its end.
    public let seconds: Double
    /// Of the weights at the end, in hexadecimal.
    public let sha256: String

    public init(_ combination: Combination, seconds: Double, sha256: String) {
      self.combination = combination
      self.seconds = seconds
      self.sha256 = sha256
    }
  }

  public let combinations: [Combination]

  /// All of `ranks` with all of `threads`.
  ///
  /// - Parameter configuration: what is trained.
  /// - Throws: for a configuration that promises no such thing or that so many ranks cannot train, and for a single combination, which
  ///   would be compared with nothing. The same combination twice is fine.
  public init(_ configuration: Configuration, ranks: [Int], threads: [Int]) throws(ConfigurationError) {
    guard configuration.training.reproducible else {
      throw ConfigurationError(
        "training.reproducible: it is false, so the bits may depend on the number of ranks; add "
          + "--set training.reproducible=true")
    }
    for count in ranks { try configuration.validate(ranks: count) }
    combinations = ranks.flatMap { ranks in threads.map { Combination(ranks: ranks, threads: $0) } }
    guard combinations.count >= 2 else {
      throw ConfigurationError(
        "there is nothing to compare; expected at least two numbers of ranks or threads, such as --ranks 1,2")
    }
  }

  /// Trains with each combination in turn.
  ///
  /// - Parameters:
  ///   - train: trains with one combination.
  ///   - each: is told each outcome when it is known.
  public func run(
    _ train: (Combination) throws -> Outcome, each: (Outcome) throws -> Void
  ) throws -> VerificationResult {
    var outcomes: [Outcome] = []
    for combination in combinations {
      outcomes.append(try train(combination))
      try each(outcomes[outcomes.count - 1])
    }
    return VerificationResult(outcomes: outcomes)
  }

  /// Why this process must not start jobs: it is a rank of one.
  public static func refusal(_ environment: [String: String]) -> String? {
    let isRank = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"].contains { environment[$0] != nil }
    return isRank ? "rondo verify starts the ranks itself; run it without mpirun and srun" : nil
  }
}

/// The weights that all combinations came to.
public struct VerificationResult: Sendable {
  /// At least one.
  public let outcomes: [Verification.Outcome]

  /// Those whose weights differ from the first one's.
  public var different: [Verification.Outcome] { outcomes.filter { $0.sha256 != outcomes[0].sha256 } }

  public var exitStatus: Int32 { different.isEmpty ? 0 : 1 }

  /// What the last line says.
  public var verdict: String {
    let first = outcomes[0]
    if different.isEmpty { return "same bits on all \(outcomes.count) combinations" }
    let others = different.map { "\($0.combination) (\($0.prefix))" }.joined(separator: ", ")
    return "different bits: \(others) differ\(different.count == 1 ? "s" : "") from \(first.combination) "
      + "(\(first.prefix))"
  }

  /// The last line with `--json`.
  public var json: String {
    JSONLine.encode(Line(combinations: outcomes.count, different: different.count, same: different.isEmpty))
  }

  private struct Line: Encodable {
    let combinations, different: Int
    let same: Bool
  }
}

extension Verification.Outcome {
  /// The head of the table.
  public static let heading = columns("ranks", "threads", "seconds", "weights")

  /// A line of the table.
  public var line: String {
    Self.columns(
      "\(combination.ranks)", "\(combination.threads)", String(format: "%.2f", seconds), prefix)
  }

  /// A line with `--json`.
  public var json: String {
    JSONLine.encode(
      Line(ranks: combination.ranks, threads: combination.threads, seconds: seconds, weightsSha256: sha256))
  }

  var prefix: String { String(sha256.prefix(12)) }

  private static func columns(_ ranks: String, _ threads: String, _ seconds: String, _ weights: String)
    -> String
  {
    let numbers = zip([ranks, threads, seconds], [5, 9, 10]).map { text, width in
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    return numbers.joined() + "  " + weights
  }

  private struct Line: Encodable {
    let ranks, threads: Int
    let seconds: Double
    let weightsSha256: String
  }
}

/// A run of a verification did not come to its end.
public struct VerificationError: ExitStatusError, CustomStringConvertible {
  public let description: String
  public let exitStatus: Int32
}
