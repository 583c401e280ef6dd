/// The offset of every buffer of a pass in one activation arena.
///
/// Time is counted in operation calls: forward of node i at time i, the loss's gradient at time N, backward of node i at time 2N - i.
/// A buffer lives from the call that first writes it to the last that reads it; two buffers share memory unless their lives
/// overlap. Buffers are placed largest first, each at the lowest offset that is free for its whole life (greedy by size:
/// Y. Pisarchyk, J. Lee, arXiv:2001.03288).
package struct MemoryPlan: Sendable {
  /// A range of the activation arena and the calls during which it is in use.
  package struct Buffer: Sendable {
    package let count: Int
    package var start: Int
    package var end: Int
    package var offset = 0
  }

  package private(set) var buffers: [Buffer] = []
  /// Elements of the arena.
  package private(set) var arenaCount = 0

  /// Buffers, as indices of `buffers`, of each value, of each value's gradient, and of each node's saved and scratch memory.
  private(set) var ofValue: [Int?]
  private(set) var ofGradient: [Int?]
  private(set) var saved: [[Int]]
  private(set) var workspace: [Int?]
  private(set) var backwardWorkspace: [Int?]
  /// For each node, which of its inputs it is the first to write a gradient to.
  private(set) var writesFirst: [[Bool]]
  private let reuse: Bool

  /// - Parameters:
  ///   - training: with a backward pass; otherwise values die after their last forward use.
  ///   - reuse: false gives every buffer memory of its own, for tests.
  init(_ graph: Graph, training: Bool, reuse: Bool = true) {
    ofValue = Array(repeating: nil, count: graph.values.count)
    ofGradient = ofValue
    saved = Array(repeating: [], count: graph.nodes.count)
    workspace = Array(repeating: nil, count: graph.nodes.count)
    backwardWorkspace = workspace
    writesFirst = graph.nodes.map { node in node.inputs.map { _ in false } }

    self.reuse = reuse
    let clock = Clock(nodes: graph.nodes.count)
    let lastUse = Self.lastUses(graph, clock, training: training)
    planForward(graph, clock, lastUse, training: training)
    if training { planBackward(graph, clock) }
    place()
  }

  func offset(_ buffer: Int?) -> Int { buffer.map { buffers[$0].offset } ?? 0 }

  // MARK: Lives

  struct Clock {
    let nodes: Int
    var seed: Int { nodes }
    var end: Int { 2 * nodes + 1 }
    func backward(_ node: Int) -> Int { 2 * nodes - node }
  }

  /// When each value is read for the last time.
  private static func lastUses(_ graph: Graph, _ clock: Clock, training: Bool) -> [Int] {
    var last = [Int](repeating: -1, count: graph.values.count)
    for (index, node) in graph.nodes.enumerated() {
      let reads = node.operation.backwardReads
      let hasBackward = training && graph.needsGradient[node.output]
      last[node.output] = max(last[node.output], index)
      if hasBackward && reads.output { last[node.output] = max(last[node.output], clock.backward(index)) }
      for (position, input) in node.inputs.enumerated() {
        let backward = hasBackward && reads.inputs.contains(position)
        last[input] = max(last[input], backward ? clock.backward(index) : index)
      }
    }
    for output in graph.outputs { last[output] = clock.end }
    if let loss = graph.loss { last[loss] = clock.end }
    return last
  }

  private mutating func planForward(_ graph: Graph, _ clock: Clock, _ lastUse: [Int], training: Bool) {
    for (id, value) in graph.values.enumerated() {
      guard case .input = value.source else { continue }
      ofValue[id] = add(value.shape.count, from: -1, to: max(0, lastUse[id]))
    }
    for (index, node) in graph.nodes.enumerated() {
      let shapes = node.inputs.map { graph.values[$0].shape }
      let output = graph.values[node.output].shape
      if reuse, let input = node.operation.forwardInPlace, let shared = ofValue[node.inputs[input]],
        case .result = graph.values[node.inputs[input]].source, lastUse[node.inputs[input]] == index,
        buffers[shared].end == index, graph.values[node.inputs[input]].shape.count == output.count
      {
        ofValue[node.output] = shared
        buffers[shared].end = lastUse[node.output]
      } else {
        ofValue[node.output] = add(output.count, from: index, to: lastUse[node.output])
      }
      let keeps = training && graph.needsGradient[node.output]
      saved[index] = node.operation.savedCounts(shapes).map {
        add($0, from: index, to: keeps ? clock.backward(index) : index)
      }
      let scratch = node.operation.workspaceCount(shapes)
      if scratch > 0 {
        workspace[index] = add(scratch, from: index, to: index)
        if keeps {
          backwardWorkspace[index] = add(scratch, from: clock.backward(index), to: clock.backward(index))
        }
      }
    }
  }

  private mutating func planBackward(_ graph: Graph, _ clock: Clock) {
    guard let loss = graph.loss else { return }
    ofGradient[loss] = add(graph.values[loss].shape.count, from: clock.seed, to: clock.seed)
    var written = Set<Int>()
    for (index, node) in graph.nodes.enumerated().reversed() where graph.needsGradient[node.output] {
      guard let outgoing = ofGradient[node.output] else { continue }
      let now = clock.backward(index)
      buffers[outgoing].end = now
      for (position, input) in node.inputs.enumerated() where graph.needsGradient[input] {
        writesFirst[index][position] = written.insert(input).inserted
        guard case .result = graph.values[input].source, writesFirst[index][position] else { continue }
        if reuse, node.operation.gradientInPlace == position, !node.inputs[..<position].contains(input),
          graph.values[input].shape.count == graph.values[node.output].shape.count
        {
          ofGradient[input] = outgoing
        } else {
          ofGradient[input] = add(graph.values[input].shape.count, from: now, to: now)
        }
      }
    }
  }

  private mutating func add(_ count: Int, from start: Int, to end: Int) -> Int {
    buffers.append(Buffer(count: count, start: start, end: end))
    return buffers.count - 1
  }

  // MARK: Offsets

  private mutating func place() {
    var placed: [Int] = []  // by offset
    for index in buffers.indices.sorted(by: { (buffers[$0].count, $1) > (buffers[$1].count, $0) }) {
      let buffer = buffers[index]
      var offset = 0
      for other in placed.map({ buffers[$0] })
      where !reuse || (other.start <= buffer.end && buffer.start <= other.end) {
        if offset + buffer.count <= other.offset { break }
        offset = max(offset, Arena.aligned(other.offset + other.count))
      }
      buffers[index].offset = offset
      arenaCount = max(arenaCount, Arena.aligned(offset + buffer.count))
      let position = placed.firstIndex { buffers[$0].offset > offset } ?? placed.count
      placed.insert(index, at: position)
    }
  }
}
