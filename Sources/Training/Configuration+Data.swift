import Datasets

extension Configuration {
  /// Where samples come from: a built-in ``source``, or a file at ``path``.
  public struct Data: Sendable, Equatable {
    public enum Source: String, Sendable, CaseIterable {
      /// The UCI optical digits, 8x8 pixels, 10 classes.
      case digits
    }

    public enum Format: String, Sendable, CaseIterable {
      /// A table; see `CSVFile`.
      case csv
      /// Images as MNIST has them: ``Data/path`` is the folder with the four files of a training and a test part; see `IDXImages`.
      case idx
      /// A text, byte by byte; see `TextFile`.
      case text
      /// Labelled sequences of letters; see `SequenceFile`.
      case sequences
    }

    public typealias Task = CSVFile.Task
    public typealias Alphabet = SequenceAlphabet

    public var source: Source?
    /// A file or folder; a relative path is meant from the directory in which the run was started.
    public var path: String?
    public var format: Format
    /// The name of the column that holds the labels.
    public var label: String?
    public var task: Task
    /// Columns of a table whose values are categories, not numbers.
    public var categorical: [String]
    public var alphabet: Alphabet
    /// What each sequence is padded to; nil for the longest of the training part.
    public var length: Int?
    /// Whether what is longer is cut off; else it is an error.
    public var truncate: Bool
    /// Shifts and scales each feature to mean 0 and deviation 1 over the training part.
    public var standardize: Bool
    /// The share of the samples that is held out, in 0..<1. Only without ``testPath``.
    public var testFraction: Double
    /// A file of held-out samples with the same columns as ``path``.
    public var testPath: String?

    public init(
      source: Source? = nil, path: String? = nil, format: Format = .csv, label: String? = nil,
      task: Task = .auto, categorical: [String] = [], alphabet: Alphabet = .nucleotides, length: Int? = nil,
      truncate: Bool = false, standardize: Bool = false, testFraction: Double = 0.2, testPath: String? = nil
    ) {
      self.source = source
      self.path = path
      self.format = format
      self.label = label
      self.task = task
      self.categorical = categorical
      self.alphabet = alphabet
      self.length = length
      self.truncate = truncate
      self.standardize = standardize
      self.testFraction = testFraction
      self.testPath = testPath
    }
  }
}
