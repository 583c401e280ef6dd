import Graph
import Kernels

/// Where the parameters of a GPT lie in an arena, by their names.
struct GPTWeights {
  struct Norm {
    let gain, bias: UnsafePointer<Float>
  }

  struct Product {
    let weight: UnsafePointer<Float>
    let bias: UnsafePointer<Float>?
    let inputs, outputs: Int
    /// The weight is stored [outputs, inputs].
    var isTransposed = false
  }

  struct Block {
    let norm1, norm2: Norm
    let query, key, value, mixed, hidden, output: Product
  }

  let table, positions: UnsafePointer<Float>
  let blocks: [Block]
  let norm: Norm
  let head: Product
  /// Keeps the memory that the pointers point to.
  private let arena: Arena

  /// - Throws: which parameter is missing or has another shape than `model` says.
  init(_ model: GPT, _ parameters: [Graph.Parameter], _ arena: Arena) throws(ShapeError) {
    let byName = Dictionary(parameters.map { ($0.name, $0) }) { first, _ in first }
    func find(_ name: String, _ shape: Shape) throws(ShapeError) -> UnsafePointer<Float> {
      guard let found = byName[name], found.shape == shape, found.range.upperBound <= arena.count else {
        throw ShapeError(
          "expected parameter \"\(name)\" \(shape), found \(byName[name]?.shape.description ?? "none")",
          place: "generator")
      }
      return UnsafePointer(arena.base + found.offset)
    }
    func norm(_ name: String) throws(ShapeError) -> Norm {
      Norm(gain: try find("\(name).gain", [model.width]), bias: try find("\(name).bias", [model.width]))
    }
    func product(_ name: String, _ inputs: Int, _ outputs: Int) throws(ShapeError) -> Product {
      Product(
        weight: try find("\(name).weight", [inputs, outputs]), bias: try find("\(name).bias", [outputs]),
        inputs: inputs, outputs: outputs)
    }
    let width = model.width
    table = try find("embedding.table", [model.vocabulary, width])
    positions = try find("embedding.positions", [model.context, width])
    var blocks: [Block] = []
    for layer in 0..<model.layers {
      let name = "blocks.\(layer)"
      blocks.append(
        Block(
          norm1: try norm("\(name).norm1"), norm2: try norm("\(name).norm2"),
          query: try product("\(name).attention.query", width, width),
          key: try product("\(name).attention.key", width, width),
          value: try product("\(name).attention.value", width, width),
          mixed: try product("\(name).attention.output", width, width),
          hidden: try product("\(name).mlp.hidden", width, 4 * width),
          output: try product("\(name).mlp.output", 4 * width, width)))
    }
    self.blocks = blocks
    self.norm = try norm("norm")
    head = Product(
      weight: model.tiesHead ? table : try find("head.weight", [width, model.vocabulary]), bias: nil,
      inputs: width, outputs: model.vocabulary, isTransposed: model.tiesHead)
    self.arena = arena
  }
}
