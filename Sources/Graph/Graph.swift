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
    /// Which of the graph's blocks it belongs to.
    let block: Int?
  }

  /// A trainable tensor, or a running statistic, and its region of the parameter and gradient arenas.
  public struct Parameter: Sendable {
    /// Dotted, such as `hidden.0.weight`.
    public let name: String
    public let shape: Shape
    public let initializer: Initializer
    /// Of a running statistic: value += momentum · (gradient - value) takes the place of the optimizer's update. Nil for a trainable
    /// tensor.
    public let momentum: Float?
    let value: Int
    /// Where its region begins in the arenas, in elements. Running statistics come first, then all others, each in forward order and
    /// on a 64-byte boundary.
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
  /// The end of the running statistics in the arenas: what the optimizer updates begins here.
  public let statisticsCount: Int
  /// Runs of nodes whose values backward computes anew, in ascending order.
  let blocks: [Range<Int>]
  /// Of each value, the one whose elements it is: itself, or for a view what it is a view of.
  let roots: [Int]

  init(
    microbatch: Int, values: [Value], nodes: [Node], parameters: [Parameter], blocks: [Range<Int>] = [],
    loss: Int?, outputs: [Int]
  ) {
    self.microbatch = microbatch
    self.values = values
    self.nodes = nodes
    self.loss = loss
    self.outputs = outputs
    self.blocks = blocks
    var roots = Array(values.indices)
    for node in nodes where node.operation.isView { roots[node.output] = roots[node.inputs[0]] }
    self.roots = roots
    var next = 0
    var placed = parameters
    func place(_ isPlaced: (Parameter) -> Bool) {
      for index in placed.indices where isPlaced(placed[index]) {
        placed[index].offset = next
        next = Arena.aligned(next + placed[index].shape.count)
      }
    }
    place { $0.momentum != nil }
    statisticsCount = next
    place { $0.momentum == nil }
    self.parameters = placed
    arenaCount = next
    needsGradient = Self.gradientPath(values: values, nodes: nodes, loss: loss)
  }

  /// Elements of all trainable parameters, without padding.
  public var parameterCount: Int { parameters.reduce(0) { $0 + ($1.momentum == nil ? $1.shape.count : 0) } }

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
  public var flops: (forward: Double, backward: Double) {
    var forward = 0.0
    var backward = 0.0
    for node in nodes {
      let shapes = node.inputs.map { values[$0].shape }
      forward += node.operation.forwardFlops(shapes)
      guard needsGradient[node.output] else { continue }
      backward += node.operation.backwardFlops(shapes, wanted: node.inputs.map { needsGradient[$0] })
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
