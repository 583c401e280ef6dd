import Foundation

/// What `summary.json` says of a finished run. Keys are these names in snake case.
public struct Summary: Codable, Sendable, Equatable {
  public var name: String
  public var steps: Int
  /// Passes over the training data; a fraction if the run ended inside one.
  public var epochs: Double
  /// Samples trained on per second of training: without evaluation, start and end.
  public var samplesPerSecond: Double
  public var stepSecondsMedian: Double
  /// Mean loss over the samples of the last epoch, or of the part of it that was run, without those of skipped steps.
  public var trainLoss: Double
  /// Metrics over the held-out samples.
  public var evaluation: [String: Double]
  /// Of the parameters in the order of their names.
  public var weightsSha256: String
  public var ranks: Int
  public var threadsPerRank: Int
  public var reproducible: Bool
  public var blasKernel: String
  /// Bytes of a bucket, as a string, to the algorithm that reduces it.
  public var allreduce: [String: String]
  public var communication: Communication
  /// Largest resident size over the ranks.
  public var peakMemoryBytes: Int
  /// From the start of the run, the reading of data included, to its end.
  public var wallSeconds: Double
  /// Steps that changed nothing, since a gradient was not finite.
  public var skippedSteps: Int
  /// How often the run was taken up again after an interruption. Times, bytes and steps are those of all its lives, the median step and
  /// memory those of the last.
  public var restarts: Int

  /// Of rank 0.
  public struct Communication: Codable, Sendable, Equatable {
    /// Sent by this rank.
    public var bytes: Int
    /// In which the rank communicated, beside its computing or not.
    public var seconds: Double
    /// The part of it in which nothing was computed meanwhile.
    public var exposedSeconds: Double
  }

  /// The object as one line of JSON, keys in alphabetical order.
  public func json(pretty: Bool = false) -> String { JSONLine.encode(self, pretty: pretty) }
}

extension Summary {
  /// What `json(pretty:)` wrote.
  init(json: String) throws {
    self = try JSONLine.decode(Summary.self, from: Data(json.utf8))
  }
}
