/// Something is wrong with a configuration, or with the data that it names: the user has to change a file or a flag.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Where the fault was found: `config.yaml:7`, `config.yaml`, `--set training.batch=many`; nil for a configuration
  /// that was built in Swift.
  public let place: String?
  /// What is wrong and what to do, on one line.
  public let problem: String

  public init(_ problem: String, at place: String? = nil) {
    self.place = place
    self.problem = problem
  }

  public var description: String { place.map { "\($0): \(problem)" } ?? problem }

  /// What a process that gives up because of this error exits with: wrong usage or configuration.
  public var exitStatus: Int32 { 2 }
}
