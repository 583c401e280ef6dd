import Foundation

/// Samples from lines of JSON, an object each. Keys are the names of the columns that the model was trained on; other keys are left out.
///
/// Numbers may also come as one array under `features`, of images and signals row by row and nested or not; a sequence of letters is
/// a string under `sequence`. A word that training has not seen, or null, is an unknown category.
public final class JSONSamples: SampleStream {
  private var lines: LineReader
  private let encoder: FeatureEncoder
  private let decoder = JSONDecoder()
  private var emptyLine: Int?

  /// - Parameters:
  ///   - path: nil for standard input.
  ///   - preprocessing: of the model; without a fault.
  ///   - truncates: whether what is beyond the length of sequences is cut off.
  public init(path: String?, preprocessing: Preprocessing, truncates: Bool = false) throws(DatasetError) {
    lines = try LineReader(path: path)
    encoder = FeatureEncoder(preprocessing, truncates: truncates)
    decoder.userInfo[JSONSample.encoderKey] = encoder
  }

  public func next(into sample: inout SampleFeatures, waits: Bool) throws(DatasetError) -> Bool {
    while let line = try lines.next(waits: waits) {
      if line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }) {
        emptyLine = emptyLine ?? lines.line
        continue
      }
      if let emptyLine {
        throw DatasetError(
          "the line is empty, but others follow; remove it", path: lines.path, line: emptyLine)
      }
      decoder.userInfo[JSONSample.lineKey] = line
      do {
        sample = try decoder.decode(JSONSample.self, from: Data(line)).features
      } catch let fault as JSONSample.Fault {
        let place = fault.key.map { "\(Quotation.of($0)): " } ?? ""
        throw DatasetError(place + fault.problem, path: lines.path, line: lines.line)
      } catch {
        let what = (error as? DecodingError).flatMap(JSONSample.reason) ?? "the line is no JSON"
        throw DatasetError(
          "\(what); expected an object such as \(example)", path: lines.path, line: lines.line)
      }
      return true
    }
    return false
  }

  /// An object that the model takes, cut short.
  private var example: String {
    if encoder.takesNumbers { return "{\"\(FeatureEncoder.numbersName)\": [0.5, ...]}" }
    guard let (name, feature) = encoder.names.first else { return "{}" }
    let value =
      if case .number = feature { "0.5" } else if case .sequence = feature { "\"ACGT\"" } else { "\"word\"" }
    return "{\(name.debugDescription): \(value)\(encoder.names.count > 1 ? ", ..." : "")}"
  }
}

/// One object, decoded by what the model takes.
private struct JSONSample: Decodable {
  static let encoderKey = CodingUserInfoKey(rawValue: "encoder")!
  static let lineKey = CodingUserInfoKey(rawValue: "line")!

  struct Fault: Error {
    let problem: String
    var key: String?
  }

  let features: SampleFeatures

  init(from decoder: any Decoder) throws {
    guard let encoder = decoder.userInfo[Self.encoderKey] as? FeatureEncoder else {
      preconditionFailure("JSONSample: expected an encoder in the decoder's userInfo")
    }
    let object = try decoder.container(keyedBy: Key.self)
    var features = SampleFeatures()
    encoder.begin(&features)
    let line = decoder.userInfo[Self.lineKey] as? [UInt8] ?? []
    if encoder.takesNumbers, object.contains(Key(FeatureEncoder.numbersName)) {
      try Self.readNumbers(of: object, into: &features.numbers)
    } else {
      let hasNone = encoder.takesNumbers && !encoder.names.contains { object.contains(Key($0.name)) }
      if hasNone { throw Self.missing(FeatureEncoder.numbersName, in: object) }
      for (name, feature) in encoder.names {
        try Self.read(feature, named: name, of: object, line, encoder, into: &features)
      }
    }
    encoder.end(&features)
    self.features = features
  }

  private static func read(
    _ feature: FeatureEncoder.Feature, named name: String, of object: KeyedDecodingContainer<Key>,
    _ line: [UInt8], _ encoder: FeatureEncoder, into features: inout SampleFeatures
  ) throws {
    let key = Key(name)
    guard object.contains(key) else { throw missing(name, in: object) }
    switch feature {
    case .number(let index):
      guard let number = object.number(key), number.isFinite else {
        throw Fault(problem: "expected a finite number, found \(found(object, key))", key: name)
      }
      features.numbers[index] = number
    case .category(let index):
      features.codes[index] = try code(named: name, of: object, line, encoder, column: index)
    case .sequence:
      guard let letters = try? object.decode(String.self, forKey: key) else {
        throw Fault(problem: "expected letters, found \(found(object, key))", key: name)
      }
      if let problem = encoder.encode(sequence: letters.utf8, into: &features) {
        throw Fault(problem: problem, key: name)
      }
    case .numbers: break
    }
  }

  /// The code of a category: of a word, or of a number, whose word in a table was its digits.
  private static func code(
    named name: String, of object: KeyedDecodingContainer<Key>, _ line: [UInt8], _ encoder: FeatureEncoder,
    column: Int
  ) throws -> Int32 {
    let key = Key(name)
    if let word = try? object.decode(String.self, forKey: key) {
      return encoder.code(of: Word.trimmed(word), column: column)
    }
    if try object.decodeNil(forKey: key) { return 0 }
    guard let digits = JSONNumberText.of(name, in: line) else {
      throw Fault(problem: "expected a word, found \(found(object, key))", key: name)
    }
    let code = encoder.code(of: digits, column: column)
    if code != 0 { return code }
    // Who wrote the line may write numbers otherwise than who wrote the table.
    let spellings = [
      (try? object.decode(Int.self, forKey: key))?.description,
      (try? object.decode(Double.self, forKey: key))?.description,
    ]
    let known = spellings.compactMap(\.self).map { encoder.code(of: $0, column: column) }.filter { $0 != 0 }
    return known.first ?? 0
  }

  private static func readNumbers(of object: KeyedDecodingContainer<Key>, into numbers: inout [Float]) throws
  {
    let key = Key(FeatureEncoder.numbersName)
    var read: [Float] = []
    read.reserveCapacity(numbers.count)
    do {
      // Most are a plain list, which takes one call.
      if let list = try? object.decode([Float].self, forKey: key) {
        read = list
      } else {
        try append(object.nestedUnkeyedContainer(forKey: key), to: &read)
      }
    } catch {
      throw Fault(problem: "expected an array of \(numbers.count) numbers", key: key.stringValue)
    }
    guard read.count == numbers.count, read.allSatisfy(\.isFinite) else {
      throw Fault(
        problem: "expected \(numbers.count) finite numbers, found \(read.count) numbers", key: key.stringValue
      )
    }
    numbers = read
  }

  /// Row by row, whatever the nesting.
  private static func append(_ list: any UnkeyedDecodingContainer, to numbers: inout [Float]) throws {
    var list = list
    while !list.isAtEnd {
      if let number = (try? list.decode(Float.self)) ?? (try? list.decode(Double.self)).map({ Float($0) }) {
        numbers.append(number)
      } else {
        try append(list.nestedUnkeyedContainer(), to: &numbers)
      }
    }
  }

  private static func missing(_ name: String, in object: KeyedDecodingContainer<Key>) -> Fault {
    Fault(
      problem: "the model takes \(Quotation.of(name)), and the object has none"
        + Spelling.suggestion(for: name, among: object.allKeys.map(\.stringValue)))
  }

  private static func found(_ object: KeyedDecodingContainer<Key>, _ key: Key) -> String {
    if let text = try? object.decode(String.self, forKey: key) { return Quotation.of(text) }
    if let flag = try? object.decode(Bool.self, forKey: key) { return "\(flag)" }
    if let number = try? object.decode(Double.self, forKey: key) { return "\(number)" }
    if (try? object.decodeNil(forKey: key)) == true { return "null" }
    return "something else"
  }

  static func reason(_ error: DecodingError) -> String? {
    if case .typeMismatch(_, let context) = error, context.codingPath.isEmpty {
      return "the line is no object"
    }
    return nil
  }

  fileprivate struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}

extension KeyedDecodingContainer<JSONSample.Key> {
  /// The float nearest to a number, infinite where it is too large; one that is too small for a float is 0, as in a table. Nil for anything else.
  fileprivate func number(_ key: JSONSample.Key) -> Float? {
    (try? decode(Float.self, forKey: key)) ?? (try? decode(Double.self, forKey: key)).map { Float($0) }
  }
}
