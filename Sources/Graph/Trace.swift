/// Records a model while its function runs over symbolic tensors.
///
/// Shape errors do not interrupt the model's function: the first one is kept, what follows it is poisoned silently, and `finish` throws
/// it. So model code stays free of `try`.
public final class Trace {
  /// Samples of one forward and backward pass: the first extent of the inputs.
  public let microbatch: Int
  private(set) var values: [Graph.Value] = []
  private(set) var nodes: [Graph.Node] = []
  private(set) var parameters: [Graph.Parameter] = []
  private var blocks: [Range<Int>] = []
  private var openBlock: Int?
  private var names: Set<String> = []
  private var error: ShapeError?
  private var poisoned: Set<Int> = []

  public init(microbatch: Int) {
    precondition(microbatch >= 1, "Trace: expected a microbatch of at least 1 sample, found \(microbatch)")
    self.microbatch = microbatch
  }

  /// A tensor whose elements the caller sets before each forward pass. `shape` is that of one sample.
  public func input(_ name: String, perSample shape: Shape, of type: ElementType = .float32) -> Tensor {
    claim(name)
    return add(.input(name: name), Shape([microbatch] + shape.extents), type)
  }

  /// A trainable tensor. Parameters lie in the arena in the order in which the trace meets them.
  ///
  /// - Parameter name: dotted and unique, such as `hidden.0.weight`.
  public func parameter(_ name: String, _ shape: Shape, _ initializer: Initializer) -> Tensor {
    addParameter(name, shape, initializer, momentum: nil)
  }

  /// A running statistic of the data, such as batch norm's mean: kept with the parameters, not trained.
  ///
  /// An operation that takes it as an input writes, as that input's gradient, `BackwardContext.microbatchShare` times the statistic of
  /// its microbatch. Summed over microbatches and ranks as gradients are, this is the mean over the step's microbatches, and after
  /// the step value += momentum · (mean - value): the same on any number of ranks.
  public func statistic(_ name: String, _ shape: Shape, initial: Float, momentum: Float) -> Tensor {
    addParameter(name, shape, .constant(initial), momentum: momentum)
  }

  private func addParameter(
    _ name: String, _ shape: Shape, _ initializer: Initializer, momentum: Float?
  ) -> Tensor {
    claim(name)
    parameters.append(
      .init(
        name: name, shape: shape, initializer: initializer, momentum: momentum, value: values.count))
    return add(.parameter(parameters.count - 1), shape, .float32)
  }

  /// Records what `body` does as a block whose values are not kept for backward but computed anew: memory of one block instead of all,
  /// for one more forward pass. Blocks do not nest: within a block this only calls `body`.
  ///
  /// Source: T. Chen et al., arXiv:1604.06174.
  public func recomputed<Result>(_ body: () -> Result) -> Result {
    guard openBlock == nil else { return body() }
    openBlock = blocks.count
    let first = nodes.count
    let result = body()
    openBlock = nil
    if nodes.count > first { blocks.append(first..<nodes.count) }
    return result
  }

  /// Records one use of an operation. Every layer and every function over tensors ends here, a user's own included.
  ///
  /// - Parameter name: what messages call this use; by default the operation's name alone.
  public func record(_ operation: some Operation, _ inputs: Tensor..., name: String? = nil) -> Tensor {
    record(operation, inputs, name: name)
  }

  /// As above, for operations with any number of inputs.
  public func record(_ operation: some Operation, _ inputs: [Tensor], name: String? = nil) -> Tensor {
    let place = name.map { "\(operation.name) \"\($0)\"" } ?? operation.name
    guard inputs.allSatisfy({ $0.trace === self }) else {
      return poison(.init("expected tensors of one trace", place: place))
    }
    if inputs.contains(where: { poisoned.contains($0.value) }) { return poison(nil) }
    for (index, input) in inputs.enumerated() {
      let expected = index < operation.inputTypes.count ? operation.inputTypes[index] : .float32
      if input.elementType != expected {
        return poison(
          .init(
            "input \(index): expected \(expected.rawValue) elements, found \(input.elementType.rawValue)",
            place: place))
      }
    }
    do throws(ShapeError) {
      let shape = try operation.outputShape(inputs.map(\.shape))
      nodes.append(
        .init(operation: operation, inputs: inputs.map(\.value), output: values.count, block: openBlock))
      return add(.result(of: nodes.count - 1), shape, .float32)
    } catch {
      return poison(.init(error.reason, place: place))
    }
  }

  /// Reports a layer's misuse, such as an extent of 0. Returns a poisoned tensor for the layer to hand on.
  public func fail(_ error: ShapeError) -> Tensor { poison(error) }

  /// The graph of what was recorded.
  ///
  /// - Parameters:
  ///   - loss: one number per row; nil for a graph that is only evaluated.
  ///   - outputs: what the caller reads after a forward pass.
  /// - Throws: the first shape error of the trace.
  public func finish(loss: Tensor?, outputs: [Tensor]) throws(ShapeError) -> Graph {
    if let error { throw error }
    for tensor in outputs + (loss.map { [$0] } ?? []) {
      guard tensor.trace === self else {
        throw ShapeError("expected a tensor of this trace", place: "finish")
      }
      var root = tensor.value
      while case .result(let node) = values[root].source, nodes[node].operation.isView {
        root = nodes[node].inputs[0]
      }
      if case .parameter = values[root].source {
        throw ShapeError(
          "expected the result of an operation or an input, found a parameter", place: "finish")
      }
    }
    if let loss, loss.elementType != .float32 || loss.shape.count % microbatch != 0 {
      throw ShapeError("expected a multiple of \(microbatch) numbers, found \(loss.shape)", place: "loss")
    }
    let count = values.reduce(0.0) { $0 + $1.shape.extents.reduce(1.0) { $0 * Double($1) } }
    guard count < Self.mostElements else {
      throw ShapeError(
        "expected less than 2^56 numbers in a microbatch of \(microbatch), found \(count); make the model or the microbatch smaller",
        place: "model")
    }
    return Graph(
      microbatch: microbatch, values: values, nodes: nodes, parameters: parameters,
      blocks: blocks, loss: loss?.value, outputs: outputs.map(\.value))
  }

  private func add(_ source: Graph.Source, _ shape: Shape, _ type: ElementType) -> Tensor {
    values.append(.init(source: source, shape: shape, elementType: type))
    return Tensor(shape: shape, elementType: type, trace: self, value: values.count - 1)
  }

  /// Of all values together: far above any memory, and so far below 2^63 that no sum of bytes overflows.
  private static let mostElements = 0x1p56

  private func claim(_ name: String) {
    if !names.insert(name).inserted && error == nil {
      error = ShapeError("the name is taken: names of inputs and parameters are unique", place: "\"\(name)\"")
    }
  }

  private func poison(_ found: ShapeError?) -> Tensor {
    if error == nil { error = found }
    let tensor = add(.input(name: ""), [1], .float32)
    poisoned.insert(tensor.value)
    return tensor
  }
}
