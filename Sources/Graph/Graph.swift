/// A traced model: values, the operations between them in the order of the trace, and the parameters.
public struct Graph: Sendable {
  enum Source: Sendable, Equatable {
    case input(name: String)
    case parameter(Int)
    case result(of: Int)
  }

  struct Value: Sendable {
    let source: Source
    let shape: Shape
    let elementType: ElementType
  }

  struct Node: Sendable {
    let operation: any Operation
    let inputs: [Int]
    let output: Int
  }

  /// A trainable tensor and its region of the parameter and gradient arenas.
  public struct Parameter: Sendable {
    /// Dotted, such as `hidden.0.weight`.
    public let name: String
    public let shape: Shape
    public let initializer: Initializer
    let value: Int
    /// Where its region begins in the arenas, in elements. Regions lie in forward order, each on a 64-byte boundary.
    public internal(set) var offset = 0

    public var range: Range<Int> { offset..<offset + shape.count }
  }

  public let microbatch: Int
  let values: [Value]
  let nodes: [Node]
  public let parameters: [Parameter]
  let loss: Int?
  let outputs: [Int]
  /// Whether the loss depends on a value and the value on a parameter.
  let needsGradient: [Bool]
  /// Elements of the parameter arena, and of the gradient arena: the parameters and the padding between them.
  public let arenaCount: Int

  init(
    microbatch: Int, values: [Value], nodes: [Node], parameters: [Parameter], loss: Int?, outputs: [Int]
  ) {
    self.microbatch = microbatch
    self.values = values
    self.nodes = nodes
    self.loss = loss
    self.outputs = outputs
    var next = 0
    self.parameters = parameters.map { parameter in
      var parameter = parameter
      parameter.offset = next
      next = Arena.aligned(next + parameter.shape.count)
      return parameter
    }
    arenaCount = next
    needsGradient = Self.gradientPath(values: values, nodes: nodes, loss: loss)
  }

  /// Elements of all parameters, without padding.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.shape.count } }

  /// Writes the initial values of all parameters, each drawn by its name from the seed.
  ///
  /// - Parameter arena: of `arenaCount` elements.
  package func initialize(_ arena: Arena, seed: UInt64) {
    for parameter in parameters {
      parameter.initializer.fill(
        arena[parameter.range], name: parameter.name, shape: parameter.shape, seed: seed)
    }
  }

  /// Floating-point operations of one forward pass over a microbatch, and of the backward pass: products only.
  public var flops: (forward: Int, backward: Int) {
    var forward = 0
    var backward = 0
    for node in nodes {
      let flops = node.operation.forwardFlops(node.inputs.map { values[$0].shape })
      forward += flops
      // One product of the same size for each operand that needs a gradient.
      backward += flops * node.inputs.prefix(2).count(where: { needsGradient[$0] })
    }
    return (forward, backward)
  }

  private static func gradientPath(values: [Value], nodes: [Node], loss: Int?) -> [Bool] {
    var fromParameter = values.map { if case .parameter = $0.source { true } else { false } }
    for node in nodes where node.inputs.contains(where: { fromParameter[$0] }) {
      fromParameter[node.output] = true
    }
    var toLoss = [Bool](repeating: false, count: values.count)
    if let loss { toLoss[loss] = true }
    for node in nodes.reversed() where toLoss[node.output] {
      for input in node.inputs where values[input].elementType == .float32 { toLoss[input] = true }
    }
    return zip(fromParameter, toLoss).map { $0 && $1 }
  }
}
