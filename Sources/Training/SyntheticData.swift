import Datasets
import Kernels

/// Samples for benchmarks: random, but something in them tells the label, so that a loss can fall.
enum SyntheticData {
  /// As many samples as asked for, of a kind that a model takes.
  ///
  /// - Parameter features: numbers of a sample, for models of dense layers.
  static func samples(_ count: Int, for model: Configuration.Model, features: Int = 784) -> DatasetSplit {
    let data: Dataset =
      switch model.kind {
      case .mlp, .logistic: numbers(count, shape: [features], classes: 10)
      case .linear: values(count, width: features)
      case .lenet: numbers(count, shape: [28, 28, 1], classes: 10)
      case .resnet20, .resnet32, .resnet56: numbers(count, shape: [32, 32, 3], classes: 10)
      case .resnet18: numbers(count, shape: [224, 224, 3], classes: 1000)
      case .gpt: text(count, context: model.context)
      case .encoder: sequences(count, length: model.context)
      case .conv1d: numbers(count, shape: [256, 1], classes: 4)
      case .tabular: table(count)
      }
    return data.split { _ in false }
  }

  /// Numbers in 0..<1, and a class that shows as a brighter stripe.
  private static func numbers(_ count: Int, shape: [Int], classes: Int) -> Dataset {
    let width = shape.reduce(1, *)
    let elements = random(count, width: width) { sample, row in
      let stripe = max(1, width / classes)
      let first = min(width - 1, sample % classes * stripe)
      for i in first..<min(width, first + stripe) { row[i] += 0.3 }
    }
    return Dataset(
      numbers: NumberRows(elements, shape: shape), labels: labels(count, classes: classes),
      labelName: "class")
  }

  private static func values(_ count: Int, width: Int) -> Dataset {
    let elements = random(count, width: width) { sample, row in row[sample % min(10, width)] += 0.3 }
    return Dataset(
      numbers: NumberRows(elements, shape: [width]),
      labels: .values((0..<count).map { Float($0 % 10) / 10 }), labelName: "value")
  }

  /// Bytes that follow from the one before, with some surprises.
  private static func text(_ count: Int, context: Int) -> Dataset {
    let philox = Philox(key: 1)
    var last: UInt8 = 0
    let bytes = (0..<count * context + 1).map { index in
      let word = philox.block(at: index, for: .synthetic).x
      last = word & 7 == 0 ? UInt8(truncatingIfNeeded: word >> 8) : last &* 5 &+ 3
      return last
    }
    return Dataset(
      codes: CodeRows(text: bytes, context: context), labels: .nextTokens(count: count),
      labelName: "next byte"
    )
  }

  /// Nucleotides; the class is the one that is more frequent.
  private static func sequences(_ count: Int, length: Int) -> Dataset {
    let philox = Philox(key: 1)
    var codes: [UInt8] = []
    codes.reserveCapacity(count * length)
    for sample in 0..<count {
      for position in 0..<length {
        let word = philox.block(at: position, major: UInt32(sample), for: .synthetic).x
        codes.append(word & 3 == 0 ? UInt8(1 + sample % 4) : UInt8(1 + (word >> 8) & 3))
      }
    }
    return Dataset(
      codes: CodeRows(
        sequences: codes, lengths: Array(repeating: Int32(length), count: count), length: length,
        vocabulary: .nucleotides),
      labels: labels(count, classes: 4), labelName: "class")
  }

  /// 16 numbers and 8 categories of 100 words.
  private static func table(_ count: Int) -> Dataset {
    let (numeric, categorical, words) = (16, 8, (0..<100).map { "w\($0)" })
    let philox = Philox(key: 2)
    let codes = (0..<count * categorical).map { index in
      index % categorical == 0
        ? Int32(index / categorical % 2 * 50 + 1) : Int32(philox.block(at: index, for: .synthetic).x % 101)
    }
    return Dataset(
      numbers: NumberRows(random(count, width: numeric) { _, _ in }, shape: [numeric]),
      codes: CodeRows(
        codes, shape: [categorical],
        vocabularies: (0..<categorical).map { .categories(column: "c\($0)", words: words) }),
      labels: labels(count, classes: 2), labelName: "class")
  }

  private static func labels(_ count: Int, classes: Int) -> Dataset.Labels {
    .classes((0..<count).map { Int32($0 % classes) }, names: (0..<classes).map(String.init))
  }

  /// Rows of numbers in 0..<1, each changed by `mark`.
  private static func random(
    _ count: Int, width: Int, mark: (_ sample: Int, _ row: UnsafeMutablePointer<Float>) -> Void
  ) -> [Float] {
    let philox = Philox(key: 1)
    return [Float](unsafeUninitializedCapacity: count * width) { buffer, initialized in
      for sample in 0..<count {
        for block in 0..<(width + 3) / 4 {
          let words = philox.block(at: block, major: UInt32(sample), for: .synthetic)
          for lane in 0..<min(4, width - 4 * block) {
            buffer[sample * width + 4 * block + lane] = Philox.uniform(words[lane])
          }
        }
        if let base = buffer.baseAddress { mark(sample, base + sample * width) }
      }
      initialized = count * width
    }
  }
}
