import BLAS
import Graph
import Kernels

/// Continues texts with a trained `GPT`.
///
///     let generator = try TextGenerator(model, graph: network.graph, parameters: executor.parameters, pool: pool)
///     let text = generator.generate(after: prompt, count: 200, sampling: Sampling(temperature: 0.8, topK: 40), seed: 1)
///
/// The keys and values of the tokens read so far are kept for each block, so that another token costs one row of each product.
/// When the context is full, the older half of it is forgotten and the newer half read again at its new positions (the positions are
/// part of what is kept): so the model always sees the last context / 2 tokens at least.
///
/// Not thread-safe: one generator, one calling thread.
public final class TextGenerator {
  public let model: GPT
  /// The tokens that the next one is predicted from.
  public private(set) var window: [Int32] = []

  private let weights: GPTWeights
  private let pool: ThreadPool
  /// For each block, [2, context, width]: the keys and the values of the window's tokens.
  private let cache: Arena
  private let rows: GenerationRows

  /// Reads the weights where they are: after more training it continues with the new ones, once it is `reset`.
  ///
  /// - Parameters:
  ///   - graph: that was traced from `model`, with any loss.
  ///   - parameters: the values of its parameters.
  public init(
    _ model: GPT, graph: Graph, parameters: Arena, pool: ThreadPool
  ) throws(ShapeError) {
    self.model = model
    self.pool = pool
    weights = try GPTWeights(model, graph.parameters, parameters)
    cache = Arena(count: model.layers * 2 * model.context * model.width)
    rows = GenerationRows(model)
  }

  /// Copies the weights, given by their names as a checkpoint has them.
  public convenience init(
    _ model: GPT, values: [String: [Float]], pool: ThreadPool
  ) throws(ShapeError) {
    let trace = Trace(microbatch: 1)
    let logits = model(trace.input("tokens", perSample: [1], of: .int32))
    let graph = try trace.finish(loss: nil, outputs: [logits])
    let arena = Arena(count: graph.arenaCount)
    for parameter in graph.parameters {
      guard let values = values[parameter.name], values.count == parameter.shape.count else {
        throw ShapeError(
          """
          expected \(parameter.shape.count) values of parameter "\(parameter.name)", found \
          \(values[parameter.name]?.count ?? 0)
          """, place: "generator")
      }
      _ = arena[parameter.range].update(fromContentsOf: values)
    }
    try self.init(model, graph: graph, parameters: arena, pool: pool)
  }

  /// Forgets all tokens.
  public func reset() { window = [] }

  /// Appends tokens to the window.
  ///
  /// - Parameter tokens: at least one. A token outside the vocabulary makes all that follows not a number.
  /// - Returns: the logits of the next token, one for each of the vocabulary.
  public func read(_ tokens: [Int32]) -> [Float] {
    precondition(!tokens.isEmpty, "TextGenerator.read: expected at least one token")
    var known = window.count
    window += tokens
    // As if the tokens had come one by one, without reading what is forgotten at the end.
    let forgotten = model.context - model.context / 2
    let rounds = max(0, window.count - model.context + forgotten - 1) / forgotten
    if rounds > 0 {
      window.removeFirst(rounds * forgotten)
      known = 0
    }
    while known < window.count {
      let next = min(window.count, known + GenerationRows.most)
      read(known..<next)
      known = next
    }
    return logits()
  }

  /// Reads `prompt` and chooses `count` tokens, one after the other.
  ///
  /// - Parameters:
  ///   - prompt: at least one token, after those read before.
  ///   - seed: of the choices; the same seed and window give the same tokens.
  /// - Returns: the chosen tokens. The last one is not read yet.
  public func generate(
    after prompt: [Int32], count: Int, sampling: Sampling = .init(), seed: UInt64 = 0
  ) -> [Int32] {
    var chosen: [Int32] = []
    var next = prompt
    for draw in 0..<count {
      let token = sampling.token(from: read(next), seed: seed, draw: draw)
      chosen.append(token)
      next = [token]
    }
    return chosen
  }

  /// Computes and keeps the rows of the window's tokens in `range`, whose forerunners are kept already.
  private func read(_ range: Range<Int>) {
    let (width, count) = (model.width, range.count)
    window[range].withUnsafeBufferPointer { tokens in
      guard let first = tokens.baseAddress else { return }
      EmbeddingKernels.gather(
        count, width: width, indices: first, table: weights.table, rows: model.vocabulary,
        positions: weights.positions, first: range.lowerBound, period: model.context, into: rows.x)
    }
    rows.last = count - 1
    for (layer, block) in weights.blocks.enumerated() {
      let keys = cache.base + layer * 2 * model.context * width
      let values = keys + model.context * width
      rows.normalize(count, block.norm1)
      rows.multiply(count, block.query, rows.normal, into: rows.branch, on: pool)
      rows.multiply(count, block.key, rows.normal, into: keys + range.lowerBound * width, on: pool)
      rows.multiply(count, block.value, rows.normal, into: values + range.lowerBound * width, on: pool)
      attend(range, queries: rows.branch, keys: keys, values: values)
      rows.multiply(count, block.mixed, rows.normal, into: rows.branch, on: pool)
      Elementwise.add(count * width, to: rows.x, rows.branch)
      rows.normalize(count, block.norm2)
      rows.multiply(count, block.hidden, rows.normal, activation: .gelu, into: rows.hidden, on: pool)
      rows.multiply(count, block.output, rows.hidden, into: rows.branch, on: pool)
      Elementwise.add(count * width, to: rows.x, rows.branch)
    }
  }

  private func attend(
    _ range: Range<Int>, queries: UnsafePointer<Float>, keys: UnsafePointer<Float>,
    values: UnsafePointer<Float>
  ) {
    let width = model.width
    let head = width / model.heads
    pool.run(tiles: model.heads) { index in
      func rows(_ x: UnsafePointer<Float>) -> AttentionHead.Rows {
        .init(x + index * head, stride: width)
      }
      AttentionHead(
        queries: range.count, keys: range.upperBound, seen: range.upperBound, width: head, causal: true,
        scale: 1 / Float(head).squareRoot(), q: rows(queries), k: rows(keys), v: rows(values)
      ).forward(
        into: self.rows.normal + index * head, stride: width,
        logSums: self.rows.logSums + index * GenerationRows.most)
    }
  }

  private func logits() -> [Float] {
    rows.normalizeLast(weights.norm)
    return [Float](unsafeUninitializedCapacity: model.vocabulary) { buffer, count in
      count = model.vocabulary
      guard let logits = buffer.baseAddress else { return }
      rows.multiply(1, weights.head, rows.normal, into: logits, on: pool)
    }
  }
}
