/// One operation of a plan with its buffers' addresses: what a step needs, computed once.
final class BoundNode {
  enum GradientTarget {
    case none
    case activation(UnsafeMutablePointer<Float>, accumulates: Bool)
    /// Of the uses of a parameter, backward meets one first: it overwrites at the start of a step.
    case parameter(UnsafeMutablePointer<Float>, isFirstUse: Bool)
    /// Of a parameter with this one use: the finished gradient is added, in one addition an element.
    case sum(UnsafeMutablePointer<Float>, needsScratch: Bool)
  }

  /// Which values and buffers a node works on: those of the forward pass, or of a block that is computed again.
  enum Pass {
    case first, again
  }

  let index: Int
  let operation: any Operation
  let inputShapes: [Shape]
  let outputShape: Shape
  let inputs: [UnsafeRawPointer]
  let output: UnsafeMutablePointer<Float>
  let saved: [UnsafeMutablePointer<Float>]
  let workspace: UnsafeMutablePointer<Float>
  let backwardWorkspace: UnsafeMutablePointer<Float>
  let outputGradient: UnsafeMutablePointer<Float>
  let inputGradients: [GradientTarget]
  let hasBackward: Bool
  /// Whether forward is to be called again before backward.
  let isComputedAgain: Bool
  /// All gradients at and above this offset of the gradient arena are final once this node's backward has run.
  let watermark: Int

  init(
    _ index: Int, of graph: Graph, plan: MemoryPlan, pass: Pass, activations: Arena, parameters: Arena,
    gradients: Arena?, staging: GradientStaging? = nil, watermark: Int
  ) {
    let node = graph.nodes[index]
    let address = { (buffer: Int?) in activations.base + plan.offset(buffer) }
    let buffer = { (value: Int) -> Int? in
      guard pass == .again, case .result(let source) = graph.values[graph.roots[value]].source,
        graph.nodes[source].block == node.block
      else { return plan.ofValue[value] }
      return plan.ofValueAgain[value] ?? plan.ofValue[value]
    }
    // A node of a recomputed block that need not be computed again has no buffers but the first ones.
    let isAgain = pass == .again && plan.ofValueAgain[node.output] != nil
    let own = isAgain ? plan.forwardAgain[index] : plan.forward[index]
    isComputedAgain = isAgain
    self.index = index
    operation = node.operation
    let shapes = node.inputs.map { graph.values[$0].shape }
    inputShapes = shapes
    outputShape = graph.values[node.output].shape
    inputs = node.inputs.map { input in
      if case .parameter(let number) = graph.values[graph.roots[input]].source {
        return UnsafeRawPointer(parameters.base + graph.parameters[number].offset)
      }
      return UnsafeRawPointer(address(buffer(input)))
    }
    output = address(buffer(node.output))
    saved = own.saved.map { address($0) }
    workspace = address(own.workspace)
    backwardWorkspace = address(plan.backwardWorkspace[index])
    outputGradient = address(plan.ofGradient[node.output])
    hasBackward = graph.needsGradient[node.output] && plan.ofGradient[node.output] != nil
    inputGradients = node.inputs.enumerated().map { position, input in
      guard let gradients, graph.needsGradient[input] else { return .none }
      let isFirst = plan.writesFirst[index][position]
      if case .parameter(let number) = graph.values[input].source {
        if let staging {
          if let target = staging.target(number) { return .parameter(target, isFirstUse: isFirst) }
          let scratch = node.operation.wholeAdditionScratch(ofInput: position, shapes) ?? 0
          return .sum(gradients.base + graph.parameters[number].offset, needsScratch: scratch > 0)
        }
        return .parameter(gradients.base + graph.parameters[number].offset, isFirstUse: isFirst)
      }
      return .activation(address(plan.ofGradient[input]), accumulates: !isFirst)
    }
    self.watermark = watermark
  }
}
