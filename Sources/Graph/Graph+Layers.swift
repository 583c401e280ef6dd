extension Graph {
  /// One operation as tables show it.
  public struct Layer: Sendable, Equatable {
    /// The operation's name and, where it has parameters, their common name: `dense hidden.0`.
    public let name: String
    public let outputShape: Shape
    /// Elements of the parameters that it is the first to use; running statistics are not among them.
    public let parameterCount: Int
    /// Floating-point operations of one microbatch, products only.
    public let forwardFlops: Double
    public let backwardFlops: Double
    /// Whether its values are computed again for backward.
    public let isRecomputed: Bool
  }

  /// Every operation in the order of the trace; views are left out.
  public var layers: [Layer] {
    var counted = Set<Int>()
    return nodes.indices.filter { !nodes[$0].operation.isView }.map { index in
      let node = nodes[index]
      let shapes = node.inputs.map { values[$0].shape }
      let own = node.inputs.compactMap { input -> Parameter? in
        guard case .parameter(let number) = values[roots[input]].source, counted.insert(number).inserted
        else {
          return nil
        }
        return parameters[number]
      }
      let wanted = node.inputs.map { needsGradient[$0] }
      return Layer(
        name: title(of: index), outputShape: values[node.output].shape,
        parameterCount: own.reduce(0) { $0 + ($1.momentum == nil ? $1.shape.count : 0) },
        forwardFlops: node.operation.forwardFlops(shapes),
        backwardFlops: needsGradient[node.output]
          ? node.operation.backwardFlops(shapes, wanted: wanted) : 0,
        isRecomputed: node.block != nil)
    }
  }

  /// What a node is called in tables.
  func title(of index: Int) -> String {
    let node = nodes[index]
    let names = node.inputs.compactMap { input -> [Substring]? in
      guard case .parameter(let number) = values[roots[input]].source else { return nil }
      return parameters[number].name.split(separator: ".")
    }
    guard var common = names.first else { return node.operation.name }
    for name in names.dropFirst() {
      common = zip(common, name).prefix { $0 == $1 }.map(\.0)
    }
    if names.count == 1 { common.removeLast() }
    return common.isEmpty ? node.operation.name : "\(node.operation.name) \(common.joined(separator: "."))"
  }
}
