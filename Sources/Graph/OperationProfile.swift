import Dispatch

/// Time and floating-point operations of each operation of a graph, over the passes of an executor.
public final class OperationProfile {
  public enum Pass: Int, Sendable {
    case forward, backward
  }

  /// One operation's share of the time.
  public struct Entry: Sendable {
    /// The operation's name and, where it has some, its parameters' common name: `dense hidden.0`.
    public var name: String
    public var outputShape: Shape
    public var forwardSeconds: Double
    public var backwardSeconds: Double
    /// Of all forward and backward calls; products only.
    public var forwardFlops: Double
    public var backwardFlops: Double
  }

  private let graph: Graph
  private var seconds: [(forward: Double, backward: Double, forwardCalls: Int, backwardCalls: Int)]

  public init(_ graph: Graph) {
    self.graph = graph
    seconds = Array(repeating: (0, 0, 0, 0), count: graph.nodes.count)
  }

  /// Every operation, in the order of the trace; views are left out.
  public var entries: [Entry] {
    graph.nodes.indices.filter { !graph.nodes[$0].operation.isView }.map { index in
      let node = graph.nodes[index]
      let shapes = node.inputs.map { graph.values[$0].shape }
      let (forward, backward, forwardCalls, backwardCalls) = seconds[index]
      let wanted = node.inputs.map { graph.needsGradient[$0] }
      return Entry(
        name: graph.title(of: index), outputShape: graph.values[node.output].shape,
        forwardSeconds: forward, backwardSeconds: backward,
        forwardFlops: Double(forwardCalls) * node.operation.forwardFlops(shapes),
        backwardFlops: Double(backwardCalls) * node.operation.backwardFlops(shapes, wanted: wanted))
    }
  }

  func now() -> Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }

  func add(_ node: Int, _ pass: Pass, since began: Double) {
    let elapsed = now() - began
    switch pass {
    case .forward:
      seconds[node].forward += elapsed
      seconds[node].forwardCalls += 1
    case .backward:
      seconds[node].backward += elapsed
      seconds[node].backwardCalls += 1
    }
  }
}
