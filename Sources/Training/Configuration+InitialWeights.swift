import Checkpoints

extension Configuration {
  /// Where the first weights of a run come from, if not from the seed: a warm start, or fine-tuning.
  public struct InitialWeights: Sendable, Equatable {
    /// What is done about a parameter that the file has no tensor for.
    public enum Missing: String, Sendable, CaseIterable {
      case error
      /// It keeps the first values that it is given without a file.
      case initialize
    }

    /// A safetensors file, or a folder with a `model.safetensors`, such as a run directory or a checkpoint. Nil: none.
    public var path: String?
    /// Rules that rename the file's tensors, `FROM=TO` each; see `NameMapping`.
    public var map: [String]
    /// Whether weights have the axes of PyTorch, [out, in] and [out, in, kernel...].
    public var transpose: Bool
    public var missing: Missing

    public init(path: String? = nil, map: [String] = [], transpose: Bool = false, missing: Missing = .error) {
      self.path = path
      self.map = map
      self.transpose = transpose
      self.missing = missing
    }

    /// What is wrong with ``map``; nil when it can be read.
    var mapFault: String? {
      do throws(NameMapping.RuleError) { _ = try NameMapping(map) } catch { return error.description }
      return nil
    }
  }
}
