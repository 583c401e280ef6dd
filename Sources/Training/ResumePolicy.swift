/// What a run does with what earlier lives have left.
public enum ResumePolicy: Sendable, Equatable {
  /// Goes on with the run in the output directory, if there is one: from memory that has survived, else from its newest whole checkpoint.
  case auto
  /// Refuses a directory that holds a run.
  case never
  /// Goes on with the run in a directory; or, if another output directory is named, or if it is a checkpoint, begins a new run with that
  /// state.
  case from(String)

  /// `auto`, `never`, or a directory.
  public init(_ text: String) {
    switch text {
    case "auto": self = .auto
    case "never": self = .never
    default: self = .from(text)
    }
  }
}
