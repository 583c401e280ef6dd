/// The offset of every buffer of a pass in one activation arena.
///
/// Time is counted in operation calls, as `Clock` numbers them: all forward calls, the loss's gradient, then backward calls from the
/// last node to the first, where each recomputed block is first computed again. A buffer lives from the call that first writes it to
/// the last that reads it; two buffers share memory unless their lives overlap. Buffers are placed largest first, each at the lowest
/// offset that is free for its whole life (greedy by size: Y. Pisarchyk, J. Lee, arXiv:2001.03288).
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

  /// What one node's forward writes, as indices of `buffers`.
  struct ForwardBuffers: Sendable {
    var saved: [Int] = []
    var workspace: Int?
  }

  /// Buffers, as indices of `buffers`, of each value, of each value's gradient, and of each node's saved and scratch memory. A view has
  /// that of what it is a view of; one of a parameter has none.
  private(set) var ofValue: [Int?]
  private(set) var ofGradient: [Int?]
  private(set) var forward: [ForwardBuffers]
  private(set) var backwardWorkspace: [Int?]
  /// The same for what is computed again: values of recomputed blocks as backward sees them.
  private(set) var ofValueAgain: [Int?]
  private(set) var forwardAgain: [ForwardBuffers]
  /// For each node, which of its inputs it is the first to write a gradient to.
  private(set) var writesFirst: [[Bool]]
  private let reuse: Bool

  /// - Parameters:
  ///   - training: with a backward pass; otherwise values die after their last forward use.
  ///   - reuse: false gives every buffer memory of its own, for tests.
  init(_ graph: Graph, training: Bool, reuse: Bool = true) {
    ofValue = Array(repeating: nil, count: graph.values.count)
    ofGradient = ofValue
    ofValueAgain = ofValue
    forward = Array(repeating: ForwardBuffers(), count: graph.nodes.count)
    forwardAgain = forward
    backwardWorkspace = Array(repeating: nil, count: graph.nodes.count)
    writesFirst = graph.nodes.map { node in node.inputs.map { _ in false } }

    self.reuse = reuse
    let clock = Clock(graph, training: training)
    let lastUse = Self.lastUses(graph, clock)
    planForward(graph, clock, lastUse)
    if training {
      planAgain(graph, clock)
      planBackward(graph, clock)
    }
    place()
  }

  func offset(_ buffer: Int?) -> Int { buffer.map { buffers[$0].offset } ?? 0 }

  // MARK: Lives

  /// When each value is read for the last time: of the values of a recomputed block, the copy that the forward pass computes. A value
  /// and its views count as one.
  private static func lastUses(_ graph: Graph, _ clock: Clock) -> [Int] {
    var last = [Int](repeating: -1, count: graph.values.count)
    func use(_ value: Int, at time: Int) {
      let root = graph.roots[value]
      last[root] = max(last[root], time)
    }
    for (index, node) in graph.nodes.enumerated() {
      let reads = node.operation.backwardReads
      let backward = clock.hasBackward(index) && !node.operation.isView
      use(node.output, at: index)
      if backward && reads.output && clock.again[index] == nil {
        use(node.output, at: clock.backward[index])
      }
      for (position, input) in node.inputs.enumerated() {
        use(input, at: index)
        // Backward reads the copy that was computed again, where there is one.
        if clock.isAgain(input, in: graph, for: node.block) { continue }
        if let again = clock.again[index] { use(input, at: again) }
        if backward && reads.inputs.contains(position) { use(input, at: clock.backward[index]) }
      }
    }
    for output in graph.outputs { use(output, at: clock.seed) }
    if let loss = graph.loss { use(loss, at: clock.end) }
    return last
  }

  private mutating func planForward(_ graph: Graph, _ clock: Clock, _ lastUse: [Int]) {
    for (id, value) in graph.values.enumerated() {
      guard case .input = value.source else { continue }
      ofValue[id] = add(value.shape.count, from: -1, to: max(0, lastUse[id]))
    }
    for (index, node) in graph.nodes.enumerated() {
      if node.operation.isView {
        ofValue[node.output] = ofValue[node.inputs[0]]
        continue
      }
      let shapes = node.inputs.map { graph.values[$0].shape }
      let output = graph.values[node.output].shape
      if reuse, let input = node.operation.forwardInPlace, let shared = ofValue[node.inputs[input]],
        case .result = graph.values[graph.roots[node.inputs[input]]].source,
        buffers[shared].end == index, graph.values[node.inputs[input]].shape.count == output.count
      {
        ofValue[node.output] = shared
        buffers[shared].end = lastUse[node.output]
      } else {
        ofValue[node.output] = add(output.count, from: index, to: lastUse[node.output])
      }
      let keepsSaved = clock.hasBackward(index) && clock.again[index] == nil
      forward[index].saved = node.operation.savedCounts(shapes).map {
        add($0, from: index, to: keepsSaved ? clock.backward[index] : index)
      }
      let scratch = node.operation.workspaceCount(shapes)
      if scratch > 0 {
        forward[index].workspace = add(scratch, from: index, to: index)
        if clock.hasBackward(index) {
          backwardWorkspace[index] = add(scratch, from: clock.backward[index], to: clock.backward[index])
        }
      }
    }
  }

  /// What recomputed blocks write when they are computed again.
  private mutating func planAgain(_ graph: Graph, _ clock: Clock) {
    for (index, node) in graph.nodes.enumerated() {
      guard let now = clock.again[index] else { continue }
      if node.operation.isView {
        // Nil for a view of what lies outside the block, and is not computed again.
        ofValueAgain[node.output] = ofValueAgain[node.inputs[0]]
        continue
      }
      let shapes = node.inputs.map { graph.values[$0].shape }
      ofValueAgain[node.output] = add(graph.values[node.output].shape.count, from: now, to: now)
      forwardAgain[index].saved = node.operation.savedCounts(shapes).map {
        add($0, from: now, to: clock.backward[index])
      }
      let scratch = node.operation.workspaceCount(shapes)
      if scratch > 0 { forwardAgain[index].workspace = add(scratch, from: now, to: now) }
    }
    for (index, node) in graph.nodes.enumerated() where node.block != nil {
      let backward = clock.hasBackward(index) ? clock.backward[index] : nil
      let reads = node.operation.isView ? .nothing : node.operation.backwardReads
      func use(_ value: Int, at time: Int?) {
        guard let time, clock.isAgain(value, in: graph, for: node.block) else { return }
        guard let buffer = ofValueAgain[value] else { return }
        buffers[buffer].end = max(buffers[buffer].end, time)
      }
      for (position, input) in node.inputs.enumerated() {
        use(input, at: clock.again[index])
        if reads.inputs.contains(position) { use(input, at: backward) }
      }
      if reads.output { use(node.output, at: backward) }
    }
  }

  private mutating func planBackward(_ graph: Graph, _ clock: Clock) {
    guard let loss = graph.loss else { return }
    ofGradient[loss] = add(graph.values[loss].shape.count, from: clock.seed, to: clock.seed)
    var written = Set<Int>()
    for (index, node) in graph.nodes.enumerated().reversed() where graph.needsGradient[node.output] {
      guard let outgoing = ofGradient[node.output] else { continue }
      let now = clock.backward[index]
      buffers[outgoing].end = now
      for (position, input) in node.inputs.enumerated() where graph.needsGradient[input] {
        writesFirst[index][position] = written.insert(input).inserted
        guard case .result = graph.values[input].source, writesFirst[index][position] else { continue }
        let inPlace = node.operation.isView ? 0 : node.operation.gradientInPlace
        if reuse || node.operation.isView, inPlace == position, !node.inputs[..<position].contains(input),
          graph.values[input].shape.count == graph.values[node.output].shape.count
        {
          ofGradient[input] = outgoing
        } else if reuse, node.operation.gradientOverInput == position,
          let held = lastRead(of: input, by: node, at: now, graph, clock)
        {
          ofGradient[input] = held
        } else {
          ofGradient[input] = add(graph.values[input].shape.count, from: now, to: now)
        }
      }
    }
  }

  /// The buffer of an input's values as a node's backward sees them, if this call is the last to read it.
  private func lastRead(
    of input: Int, by node: Graph.Node, at now: Int, _ graph: Graph, _ clock: Clock
  ) -> Int? {
    let again = clock.isAgain(input, in: graph, for: node.block) ? ofValueAgain[input] : nil
    guard let buffer = again ?? ofValue[input], buffers[buffer].end == now else { return nil }
    let uses = node.inputs.count { graph.roots[$0] == graph.roots[input] }
    guard uses == 1, case .result = graph.values[graph.roots[input]].source else { return nil }
    return buffer
  }

  private mutating func add(_ count: Int, from start: Int, to end: Int) -> Int {
    buffers.append(Buffer(count: count, start: start, end: end))
    return buffers.count - 1
  }

  // MARK: Offsets

  private mutating func place() {
    var placed: [Buffer] = []  // by offset
    for index in buffers.indices.sorted(by: { (buffers[$0].count, $1) > (buffers[$1].count, $0) }) {
      var buffer = buffers[index]
      for other in placed
      where !reuse || (other.start <= buffer.end && buffer.start <= other.end) {
        if buffer.offset + buffer.count <= other.offset { break }
        buffer.offset = max(buffer.offset, Arena.aligned(other.offset + other.count))
      }
      buffers[index] = buffer
      arenaCount = max(arenaCount, Arena.aligned(buffer.offset + buffer.count))
      let position = placed.firstIndex { $0.offset > buffer.offset } ?? placed.count
      placed.insert(buffer, at: position)
    }
  }
}
