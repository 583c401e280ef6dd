import BLAS
import Kernels

/// What a backward pass does with the gradients of parameters that an arena holds.
package enum GradientMode: Sendable {
  case overwrites
  /// Adds to them, in the order in which it comes to its terms.
  case accumulates
  /// Adds the gradient of this pass, finished, to each: one addition an element, as if it had been computed apart.
  case addsWhole
}

/// Where gradients are written apart that are to be added as a whole.
///
/// Most of a network's parameters are weights of products, which are added whole by the product itself
/// (`Operation.wholeAdditionScratch`). The others, and those with several uses, whose gradients are sums themselves, are staged here, and
/// added as soon as backward has left them.
final class GradientStaging {
  /// For products; nil where none needs any.
  let scratch: ThreadScratch?

  /// The ranges of the gradient arena that are staged, in descending order, and where.
  private let ranges: [(range: Range<Int>, offset: Int)]
  private let offsets: [Int?]
  private let arena: Arena
  private var next = 0

  init(_ graph: Graph, threads: Int) {
    let needs = Self.needs(graph)
    var offset = 0
    offsets = graph.parameters.indices.map { number in
      guard needs.isStaged[number] else { return nil }
      defer { offset += Arena.aligned(graph.parameters[number].shape.count) }
      return offset
    }
    arena = Arena(count: needs.count)
    scratch = needs.scratch == 0 ? nil : ThreadScratch(slots: threads, count: needs.scratch)
    ranges = zip(graph.parameters, offsets).compactMap { parameter, offset in
      offset.map { (parameter.range, $0) }
    }.sorted { $0.range.lowerBound > $1.range.lowerBound }
  }

  /// What an executor that adds whole gradients allocates, in elements: the staged gradients, and scratch for each thread.
  static func needs(_ graph: Graph) -> (count: Int, scratch: Int, isStaged: [Bool]) {
    var uses = [Int](repeating: 0, count: graph.parameters.count)
    var canAdd = [Bool](repeating: true, count: graph.parameters.count)
    var scratch = 0
    for node in graph.nodes {
      let shapes = node.inputs.map { graph.values[$0].shape }
      for (index, input) in node.inputs.enumerated() {
        guard case .parameter(let number) = graph.values[input].source else { continue }
        uses[number] += 1
        if let count = node.operation.wholeAdditionScratch(ofInput: index, shapes) {
          scratch = max(scratch, count)
        } else {
          canAdd[number] = false
        }
      }
    }
    let isStaged = uses.indices.map { uses[$0] > 0 && (uses[$0] > 1 || !canAdd[$0]) }
    let count = zip(graph.parameters, isStaged).reduce(0) { sum, pair in
      sum + (pair.1 ? Arena.aligned(pair.0.shape.count) : 0)
    }
    return (count, scratch, isStaged)
  }

  /// Where backward writes the gradient of a parameter that is staged; nil for the others.
  func target(_ parameter: Int) -> UnsafeMutablePointer<Float>? { offsets[parameter].map { arena.base + $0 } }

  /// Before a pass.
  func begin() { next = 0 }

  /// Adds what is staged of gradients at and above `watermark`, which are finished.
  func add(from watermark: Int, to gradients: Arena, on pool: ThreadPool) {
    while next < ranges.count, ranges[next].range.lowerBound >= watermark {
      let (range, offset) = ranges[next]
      let (target, staged) = (gradients.base + range.lowerBound, arena.base + offset)
      pool.run(over: range.count, grain: elementwiseGrain) { part in
        Elementwise.add(part.count, to: target + part.lowerBound, staged + part.lowerBound)
      }
      next += 1
    }
  }
}
