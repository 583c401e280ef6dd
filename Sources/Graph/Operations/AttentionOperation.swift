import Kernels

/// Scaled dot-product attention, each head by itself: y = softmax(q kᵀ / √d) v, with d columns a head.
///
/// Shapes: q and y [batch, queries, width], k and v [batch, keys, width]; head h has columns h d ..< (h + 1) d, d = width / heads. Or one
/// input [batch, time, 3 width] whose columns are q | k | v: the product that makes all three then needs no copies. Lengths [batch]
/// of int32, if given: keys from there on are padding and are not seen (a length outside 0...keys counts as the nearest of them).
/// Causal: the last query sees all keys, the one before it all but the last, and so on; query t sees keys 0...t of its own sequence.
///
/// No queries × keys tensor exists: a panel of keys meets the queries block by block, forward keeps the logarithm of each row's sum of
/// exponentials, and backward computes the probabilities P again from it.
/// Backward, with D = Σ dy · y of each row:  dv = Pᵀ dy,  dS = P (dy vᵀ - D),  dq = dS k / √d,  dk = dSᵀ q / √d.
/// A query that sees no key has output 0 and no gradient.
/// Sources: A. Vaswani et al., arXiv:1706.03762, equation 1; T. Dao, arXiv:2307.08691, algorithms 1 and 2.
struct AttentionOperation: Operation {
  let heads: Int
  let isCausal: Bool
  let isPacked: Bool

  var name: String { "attention" }
  /// Inputs before the lengths.
  private var factors: Int { isPacked ? 1 : 3 }
  var inputTypes: [ElementType] { Array(repeating: .float32, count: factors) + [.int32] }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    let q = inputs[0]
    guard inputs[..<factors].allSatisfy({ $0.rank == 3 }) else {
      throw ShapeError("expected [batch, time, width], found \(inputs[..<factors].map(\.description))")
    }
    let width = isPacked ? q[2] / 3 : q[2]
    guard heads >= 1, width >= 1, width % heads == 0, !isPacked || q[2] % 3 == 0 else {
      throw ShapeError(
        "expected \(isPacked ? "3 x " : "")a width that is a multiple of \(heads) heads, found \(q)")
    }
    guard width / heads <= AttentionHead.largestWidth else {
      throw ShapeError(
        "expected at most \(AttentionHead.largestWidth) columns a head, found \(width / heads)")
    }
    if !isPacked {
      let (k, v) = (inputs[1], inputs[2])
      guard k == v, k[0] == q[0], k[2] == q[2] else {
        throw ShapeError("expected keys and values [\(q[0]), keys, \(q[2])], found \(k) and \(v)")
      }
      if isCausal, k[1] < q[1] {
        throw ShapeError("expected at least as many keys as queries, found \(k[1]) and \(q[1])")
      }
    }
    if inputs.count > factors, inputs[factors] != [q[0]] {
      throw ShapeError("expected lengths [\(q[0])], found \(inputs[factors])")
    }
    return q.withColumns(width)
  }

  /// The logarithm of the sum of exponentials of each query of each head.
  func savedCounts(_ inputs: [Shape]) -> [Int] { [inputs[0].rows * heads] }
  var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1, 2, 3], output: true) }

  /// Of the scores and of their product with the values; half of it where half of the keys are not seen.
  func forwardFlops(_ inputs: [Shape]) -> Double {
    let keys = isPacked ? inputs[0][1] : inputs[1][1]
    let width = isPacked ? inputs[0][2] / 3 : inputs[0][2]
    return (isCausal ? 2 : 4) * Double(inputs[0].rows) * Double(keys) * Double(width)
  }

  /// Five products where forward has two: the scores are computed again.
  func backwardFlops(_ inputs: [Shape], wanted: [Bool]) -> Double { forwardFlops(inputs) * 2.5 }

  func forward(_ context: ForwardContext) {
    let layout = Layout(self, context.outputShape, context.shape(ofInput: isPacked ? 0 : 1))
    let factors = Factors(context.input, isPacked)
    let lengths = context.hasInput(self.factors) ? context.indices(self.factors) : nil
    let (y, logSums) = (context.output, context.saved(0))
    context.pool.run(tiles: layout.samples * heads) { tile in
      let head = layout.head(tile, factors, lengths)
      head.forward(
        into: y + layout.queryCorner(tile), stride: layout.width,
        logSums: logSums + tile * layout.queries)
    }
  }

  func backward(_ context: BackwardContext) {
    let layout = Layout(self, context.outputShape, context.shape(ofInput: isPacked ? 0 : 1))
    let factors = Factors(context.input, isPacked)
    let lengths = context.hasInput(self.factors) ? context.indices(self.factors) : nil
    let (y, dy, logSums) = (context.output, context.outputGradient, context.saved(0))
    let gradients = Factors(context.inputGradient, isPacked)
    context.pool.run(tiles: layout.samples * heads) { tile in
      let corner = layout.queryCorner(tile)
      let head = layout.head(tile, factors, lengths)
      func target(_ factor: Int) -> AttentionHead.Target? {
        gradients[factor].map {
          AttentionHead.Target(
            $0.pointer + layout.corner(tile, factor: factor), stride: layout.stride,
            accumulates: $0.accumulates)
        }
      }
      head.backward(
        o: y + corner, dO: dy + corner, stride: layout.width, logSums: logSums + tile * layout.queries,
        dq: target(0), dk: target(1), dv: target(2))
    }
  }

  /// Something of each of q, k and v; all three are of input 0 where they are packed. Not an array: a step allocates nothing.
  private struct Factors<Element> {
    let q, k, v: Element

    init(_ ofInput: (Int) -> Element, _ isPacked: Bool) {
      (q, k, v) = isPacked ? (ofInput(0), ofInput(0), ofInput(0)) : (ofInput(0), ofInput(1), ofInput(2))
    }

    subscript(factor: Int) -> Element { factor == 0 ? q : factor == 1 ? k : v }
  }

  /// Where the rows of each head of each sample lie. A tile is one head of one sample.
  private struct Layout {
    let samples, queries, keys, width, heads, stride: Int
    let isCausal, isPacked: Bool

    init(_ operation: AttentionOperation, _ output: Shape, _ keys: Shape) {
      (samples, queries, width) = (output[0], output[1], output[2])
      self.keys = keys[1]
      heads = operation.heads
      isCausal = operation.isCausal
      isPacked = operation.isPacked
      stride = isPacked ? 3 * width : width
    }

    var headWidth: Int { width / heads }

    func queryCorner(_ tile: Int) -> Int {
      tile / heads * queries * width + tile % heads * headWidth
    }

    func corner(_ tile: Int, factor: Int) -> Int {
      let rows = factor == 0 ? queries : keys
      return tile / heads * rows * stride + (isPacked ? factor * width : 0) + tile % heads * headWidth
    }

    func head(
      _ tile: Int, _ factors: Factors<UnsafePointer<Float>>, _ lengths: UnsafePointer<Int32>?
    ) -> AttentionHead {
      func rows(_ factor: Int) -> AttentionHead.Rows {
        .init(factors[factor] + corner(tile, factor: factor), stride: stride)
      }
      let seen = lengths.map { max(0, min(keys, Int($0[tile / heads]))) } ?? keys
      return AttentionHead(
        queries: queries, keys: keys, seen: seen, width: headWidth, causal: isCausal,
        scale: 1 / Float(headWidth).squareRoot(), q: rows(0), k: rows(1), v: rows(2))
    }
  }
}

/// Scaled dot-product attention over several heads.
///
/// - Parameters:
///   - query: [batch, queries, width]; the width is a multiple of `heads`.
///   - key: [batch, keys, width].
///   - value: like `key`.
///   - lengths: [batch], int32: the keys of a sample that are not padding.
///   - causal: no query sees a later key; the last query stands at the last key.
/// - Returns: like `query`.
public func attention(
  query: Tensor, key: Tensor, value: Tensor, heads: Int, causal: Bool = false, lengths: Tensor? = nil,
  name: String? = nil
) -> Tensor {
  query.trace.record(
    AttentionOperation(heads: heads, isCausal: causal, isPacked: false),
    [query, key, value] + (lengths.map { [$0] } ?? []), name: name)
}

/// Scaled dot-product self-attention over several heads, of queries, keys and values side by side.
///
/// - Parameters:
///   - packed: [batch, time, 3 width]: columns of the queries, the keys and the values; the width is a multiple of `heads`.
///   - lengths: [batch], int32: the positions of a sample that are not padding.
///   - causal: no position sees a later one.
/// - Returns: [batch, time, width].
public func attention(
  packed: Tensor, heads: Int, causal: Bool = false, lengths: Tensor? = nil, name: String? = nil
) -> Tensor {
  packed.trace.record(
    AttentionOperation(heads: heads, isCausal: causal, isPacked: true),
    [packed] + (lengths.map { [$0] } ?? []), name: name)
}
