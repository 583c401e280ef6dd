/// When each operation of a pass is called, as numbers that rise.
struct Clock: Sendable {
  /// The backward call of each node, or the end of the pass where there is none.
  let backward: [Int]
  /// When each node of a recomputed block is called again for backward; nil for all others, and for those of a block whose values
  /// backward does not need.
  let again: [Int?]
  /// When the loss's gradient is set.
  let seed: Int
  let end: Int

  private let needsBackward: [Bool]

  /// The forward call of node i is at time i.
  init(_ graph: Graph, training: Bool) {
    let count = graph.nodes.count
    seed = count
    let needsBackward = graph.nodes.map { training && graph.needsGradient[$0.output] }
    var again = [Int?](repeating: nil, count: count)
    var backward = [Int](repeating: 0, count: count)
    var now = count + 1
    for index in graph.nodes.indices.reversed() {
      if training, let block = graph.nodes[index].block, index == graph.blocks[block].upperBound - 1 {
        for node in Self.neededAgain(graph, graph.blocks[block], needsBackward) {
          again[node] = now
          now += 1
        }
      }
      backward[index] = now
      now += 1
    }
    end = now
    for index in backward.indices where !needsBackward[index] { backward[index] = now }
    self.backward = backward
    self.again = again
    self.needsBackward = needsBackward
  }

  /// Whether a node has a backward call.
  func hasBackward(_ node: Int) -> Bool { needsBackward[node] }

  /// Whether a node of `block`, when it is computed again and in backward, reads a copy of `value` that was computed again.
  func isAgain(_ value: Int, in graph: Graph, for block: Int?) -> Bool {
    guard let block, case .result(let node) = graph.values[graph.roots[value]].source else { return false }
    return graph.nodes[node].block == block && again[node] != nil
  }

  /// The nodes of a block that backward needs computed again, ascending: those that fill saved buffers or whose values are read, and
  /// what those are computed from.
  private static func neededAgain(_ graph: Graph, _ block: Range<Int>, _ needsBackward: [Bool]) -> [Int] {
    var isNeeded = [Bool](repeating: false, count: block.count)
    func need(_ value: Int) {
      if case .result(let node) = graph.values[value].source, block.contains(node) {
        isNeeded[node - block.lowerBound] = true
      }
    }
    for index in block.reversed() {
      let node = graph.nodes[index]
      if needsBackward[index] && !node.operation.isView {
        let reads = node.operation.backwardReads
        let keepsSomething = !node.operation.savedCounts(node.inputs.map { graph.values[$0].shape }).isEmpty
        if keepsSomething || reads.output { need(node.output) }
        for position in reads.inputs where position < node.inputs.count { need(node.inputs[position]) }
      }
      if isNeeded[index - block.lowerBound] { for input in node.inputs { need(input) } }
    }
    return block.filter { isNeeded[$0 - block.lowerBound] }
  }
}
