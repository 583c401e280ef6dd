/// Where the values of a model's parameters come from in a file of weights, and what does not fit.
///
/// *Transposed* tensors have the axes of PyTorch: [out, in] of a linear layer, [out, in, kernel...] of a convolution. They become
/// [in, out] and [kernel..., in, out].
public struct WeightSources: Sendable {
  /// What is wanted.
  public struct Parameter: Sendable, Equatable {
    public let name: String
    public let shape: [Int]

    public init(_ name: String, shape: [Int]) {
      self.name = name
      self.shape = shape
    }
  }

  public struct Source: Sendable {
    public let parameter: Parameter
    public let tensor: SafetensorsFile.Tensor
    public let isTransposed: Bool
  }

  /// A tensor that has a parameter's name and cannot give its values.
  public struct Mismatch: Sendable {
    public let parameter: Parameter
    public let tensor: SafetensorsFile.Tensor
    public let reason: Reason

    public enum Reason: Sendable, Equatable {
      /// As it would be after transposing, where the rules say so. Whether the other way would fit.
      case shape([Int], fitsOtherwise: Bool)
      /// Elements that are no F32, BF16 or F16.
      case type
      /// Another tensor gives the values already.
      case taken(by: String)
    }
  }

  public let file: SafetensorsFile
  /// In the order of the parameters, without those that are missing.
  public let sources: [Source]
  /// Parameters for which there is no tensor.
  public let missing: [Parameter]
  /// Tensors that no parameter takes, with the names that the rules gave them.
  public let unexpected: [(tensor: SafetensorsFile.Tensor, name: String)]
  public let mismatches: [Mismatch]

  /// - Parameters:
  ///   - transposes: whether tensors are transposed of whose rule says nothing of it. It concerns parameters of two and more axes that
  ///     are called `weight`, and not tables of embeddings, which PyTorch has as they are here.
  public init(
    _ parameters: [Parameter], from file: SafetensorsFile, mapping: NameMapping = NameMapping(),
    transposes: Bool = false
  ) {
    self.file = file
    let wanted = Dictionary(parameters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var found: [String: Source] = [:]
    var unexpected: [(tensor: SafetensorsFile.Tensor, name: String)] = []
    var mismatches: [Mismatch] = []
    var refused: Set<String> = []
    for tensor in file.tensors {
      let (name, rule) = mapping.renamed(tensor.name)
      guard let parameter = wanted[name] else {
        unexpected.append((tensor, name))
        continue
      }
      let isWeight = parameter.name == "weight" || parameter.name.hasSuffix(".weight")
      let isTransposed = parameter.shape.count > 1 && (rule?.transposes ?? (transposes && isWeight))
      if let reason = Self.reason(tensor, parameter, isTransposed: isTransposed, earlier: found[name]) {
        mismatches.append(Mismatch(parameter: parameter, tensor: tensor, reason: reason))
        refused.insert(name)
      } else {
        found[name] = Source(parameter: parameter, tensor: tensor, isTransposed: isTransposed)
      }
    }
    sources = parameters.compactMap { found[$0.name] }
    missing = parameters.filter { found[$0.name] == nil && !refused.contains($0.name) }
    self.unexpected = unexpected
    self.mismatches = mismatches
  }

  private static func reason(
    _ tensor: SafetensorsFile.Tensor, _ parameter: Parameter, isTransposed: Bool, earlier: Source?
  ) -> Mismatch.Reason? {
    if let earlier { return .taken(by: earlier.tensor.name) }
    guard [.float32, .bfloat16, .float16].contains(tensor.type) else { return .type }
    let (stored, turned) = (tensor.shape, transposed(tensor.shape))
    let (shape, other) = isTransposed ? (turned, stored) : (stored, turned)
    return shape == parameter.shape ? nil : .shape(shape, fitsOtherwise: other == parameter.shape)
  }

  /// [out, in, kernel...] as [kernel..., in, out].
  private static func transposed(_ shape: [Int]) -> [Int] {
    shape.count < 2 ? shape : shape.dropFirst(2) + [shape[1], shape[0]]
  }

  /// Reads the values of a parameter.
  ///
  /// - Parameter elements: room for as many as the parameter has; may be uninitialised.
  package func read(
    _ source: Source, into elements: UnsafeMutableBufferPointer<Float>
  ) throws(CheckpointError) {
    guard source.isTransposed else { return try file.read(source.tensor, into: elements) }
    let stored = UnsafeMutableBufferPointer<Float>.allocate(capacity: elements.count)
    defer { stored.deallocate() }
    try file.read(source.tensor, into: stored)
    let (outputs, inputs) = (source.tensor.shape[0], source.tensor.shape[1])
    let kernel = outputs * inputs == 0 ? 0 : elements.count / (outputs * inputs)
    // Blocks of rows: the lines that are read stay in the cache until all of their elements were.
    let block = 64
    for first in stride(from: 0, to: outputs, by: block) {
      for input in 0..<inputs {
        for position in 0..<kernel {
          let target = (position * inputs + input) * outputs
          for output in first..<min(first + block, outputs) {
            elements.initializeElement(
              at: target + output, to: stored[(output * inputs + input) * kernel + position])
          }
        }
      }
    }
  }
}
