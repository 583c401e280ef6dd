// What goes into a graph and what comes out of it.
extension Executor {
  /// The memory of an input for the pass that follows; set it before each `forward`, all of it.
  package func input(_ tensor: Tensor, training: Bool) -> UnsafeMutableRawPointer {
    let plan = plan(training)
    guard case .input = graph.values[tensor.value].source else {
      preconditionFailure("Executor.input: expected an input of the graph")
    }
    return UnsafeMutableRawPointer(activations.base + plan.offset(plan.ofValue[tensor.value]))
  }

  /// Sets a float32 input.
  public func setInput(_ tensor: Tensor, to elements: Span<Float>, training: Bool) {
    checkInput(tensor, .float32, elements.count)
    let target = input(tensor, training: training).assumingMemoryBound(to: Float.self)
    for index in elements.indices { target[index] = elements[index] }
  }

  /// Sets an int32 input.
  public func setInput(_ tensor: Tensor, to elements: Span<Int32>, training: Bool) {
    checkInput(tensor, .int32, elements.count)
    let target = input(tensor, training: training).assumingMemoryBound(to: Int32.self)
    for index in elements.indices { target[index] = elements[index] }
  }

  private func checkInput(_ tensor: Tensor, _ type: ElementType, _ count: Int) {
    precondition(
      tensor.elementType == type && tensor.shape.count == count,
      """
      Executor.setInput: expected \(tensor.shape.count) \(tensor.elementType.rawValue) elements, found \
      \(count) \(type.rawValue)
      """)
  }

  /// The elements of an output or of the loss after a forward pass: of an output valid until backward or the next forward pass, of
  /// the loss until the next forward pass.
  package func value(of tensor: Tensor, training: Bool) -> UnsafeBufferPointer<Float> {
    let plan = plan(training)
    precondition(
      graph.outputs.contains(tensor.value) || graph.loss == tensor.value,
      "Executor.value: expected an output of the graph or its loss")
    return UnsafeBufferPointer(
      start: activations.base + plan.offset(plan.ofValue[tensor.value]), count: tensor.shape.count)
  }

  /// A copy of the elements of an output or of the loss; an output's before backward.
  public func elements(of tensor: Tensor, training: Bool) -> [Float] {
    Array(value(of: tensor, training: training))
  }

  /// A copy of a parameter's values.
  public func values(of parameter: Graph.Parameter) -> [Float] { Array(parameters[parameter.range]) }
}
