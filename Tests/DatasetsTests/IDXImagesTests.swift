import Foundation
import Testing

@testable import Datasets

@Suite struct IDXImagesTests {
  /// A file in the format, as its specification has it.
  static func idx(_ extents: [Int], _ bytes: [UInt8], kind: UInt8 = 8) -> [UInt8] {
    [0, 0, kind, UInt8(extents.count)]
      + extents.flatMap { extent in (0..<4).reversed().map { UInt8(truncatingIfNeeded: extent >> (8 * $0)) } }
      + bytes
  }

  static let images = idx([2, 2, 3], [0, 51, 102, 153, 204, 255, 1, 2, 3, 4, 5, 6])
  static let labels = idx([2], [3, 1])

  static func load(_ images: [UInt8], _ labels: [UInt8], classNames: [String]? = nil) throws -> Dataset {
    let images = try TemporaryFile(images, extension: "idx")
    let labels = try TemporaryFile(labels, extension: "idx")
    return try IDXImages(imagesPath: images.path, labelsPath: labels.path, classNames: classNames).load()
  }

  @Test func imagesHaveHeightWidthAndChannels() throws {
    let dataset = try Self.load(Self.images, Self.labels)
    #expect(dataset.sampleShape == [2, 3, 1])
    #expect(dataset.gatheredNumbers([0]) == [0, 0.2, 0.4, 0.6, 0.8, 1])
    #expect(dataset.labels == .classes([3, 1], names: ["0", "1", "2", "3"]))
    let colour = try Self.load(
      Self.idx([1, 2, 1, 3], [1, 2, 3, 4, 5, 6]), Self.idx([1], [0]), classNames: ["cat"])
    #expect(colour.sampleShape == [2, 1, 3])
    #expect(colour.classNames == ["cat"])
  }

  static let wrong: [(images: [UInt8], labels: [UInt8], problem: String)] = [
    ([], labels, "this is no IDX file: it does not begin with two bytes 0"),
    ([0x89, 0x50, 0x4E, 0x47], labels, "this is no IDX file: it does not begin with two bytes 0"),
    (idx([1], [1], kind: 13), labels, "the elements are 32-bit floats, expected bytes (kind 8)"),
    (idx([1], [1], kind: 77), labels, "the elements are of the unknown kind 77, expected bytes (kind 8)"),
    (
      labels, labels,
      "the array has 1 axes, expected 3 (count, height, width) or 4 (count, height, width, channels)"
    ),
    (Array(images.prefix(15)), labels, "the file ends inside its header; copy it again"),
    (
      Array(images.dropLast()), labels,
      "the header announces 12 elements, extents [2, 2, 3], and the file has 11; copy it again"
    ),
    (
      images + [0], labels,
      "the file goes on after the 12 elements that its header announces, extents [2, 2, 3]"
    ),
    (idx([0, 2, 3], []), labels, "the array is empty: its extents are [0, 2, 3]"),
    (
      idx([0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], []), labels,
      "the extents [4294967295, 4294967295, 4294967295] are those of no real array"
    ),
    (
      idx([0xFFFF_FFFF, 0xFFFF, 0xFF], []), labels,
      "the header announces 71775023827845375 elements, extents [4294967295, 65535, 255], and the file has 0; copy it again"
    ),
  ]

  @Test(arguments: wrong)
  func aFileThatIsWrongGetsOneLine(images: [UInt8], labels: [UInt8], problem: String) throws {
    let error = #expect(throws: DatasetError.self) { try Self.load(images, labels) }
    #expect(error?.problem == problem)
  }

  @Test func labelsThatDoNotFitAreRefused() throws {
    var error = #expect(throws: DatasetError.self) { try Self.load(Self.images, Self.idx([3], [0, 1, 2])) }
    #expect(error?.problem.hasPrefix("there are 3 labels, and 2 images in ") == true)
    error = #expect(throws: DatasetError.self) {
      try Self.load(Self.images, Self.labels, classNames: ["cat", "dog"])
    }
    #expect(error?.problem == "label 1 is 3, and there are 2 classes, 0 to 1")
  }

  /// Bytes changed, cut and added at random: an error or a data set, never a crash and never memory that the file cannot fill.
  @Test func brokenFilesNeverCrash() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix(state: seed)
    for _ in 0..<300 {
      var bytes = Self.images
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
        case 1: bytes.append(UInt8.random(in: 0...255, using: &random))
        default:
          if !bytes.isEmpty {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
          }
        }
      }
      do {
        let dataset = try Self.load(bytes, Self.labels)
        #expect(dataset.count == 2, "seed \(seed)")
      } catch let error as DatasetError {
        #expect(!error.description.contains("\n"), "seed \(seed)")
      }
    }
  }
}

@Suite struct IDXFolderTests {
  /// A folder of the four files, removed with this object.
  final class Folder {
    let path = FileManager.default.temporaryDirectory.appending(path: "rondo-\(UUID().uuidString)").path

    init(_ files: [String: [UInt8]]) throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      for (name, bytes) in files { try Data(bytes).write(to: URL(filePath: "\(path)/\(name)")) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  @Test func aFolderHasATrainingAndATestPart() throws {
    let folder = try Folder([
      "train-images-idx3-ubyte": IDXImagesTests.images, "train-labels-idx1-ubyte": IDXImagesTests.labels,
      "t10k-images-idx3-ubyte": IDXImagesTests.idx([1, 2, 3], [9, 8, 7, 6, 5, 4]),
      "t10k-labels-idx1-ubyte": IDXImagesTests.idx([1], [2]),
    ])
    let split = try IDXImages.load(folder: folder.path)
    #expect(split.train.count == 2)
    #expect(split.test.labels == .classes([2], names: ["0", "1", "2", "3"]))
    #expect(split.test.gatheredNumbers([0]) == [9, 8, 7, 6, 5, 4].map { Float($0) / 255 })
  }

  @Test func partsThatDoNotFitAndMissingFilesAreNamed() throws {
    var files = [
      "train-images-idx3-ubyte": IDXImagesTests.images, "train-labels-idx1-ubyte": IDXImagesTests.labels,
      "t10k-images-idx3-ubyte": IDXImagesTests.idx([1, 3, 2], [9, 8, 7, 6, 5, 4]),
      "t10k-labels-idx1-ubyte": IDXImagesTests.idx([1], [2]),
    ]
    var folder = try Folder(files)
    var error = #expect(throws: DatasetError.self) { try IDXImages.load(folder: folder.path) }
    #expect(error?.problem == "the images are [3, 2, 1], those of the training part [2, 3, 1]")
    files["t10k-labels-idx1-ubyte"] = nil
    folder = try Folder(files)
    error = #expect(throws: DatasetError.self) { try IDXImages.load(folder: folder.path) }
    #expect(
      error?.problem
        == "there is no t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz in this folder; it must hold "
        + "train-images-idx3-ubyte, train-labels-idx1-ubyte and the same two for t10k")
  }

  /// Where Debian's package dataset-fashion-mnist puts them.
  static let fashion = "/usr/share/datasets/fashion-mnist"

  @Test(.enabled(if: FileManager.default.fileExists(atPath: fashion)))
  func fashionMNISTHasTenThousandTestImages() throws {
    let test = try IDXImages(
      imagesPath: "\(Self.fashion)/t10k-images-idx3-ubyte.gz",
      labelsPath: "\(Self.fashion)/t10k-labels-idx1-ubyte.gz"
    ).load()
    #expect(test.sampleShape == [28, 28, 1])
    guard case .classes(let classes, _) = test.labels else { return }
    #expect((0..<10).allSatisfy { label in classes.count { $0 == Int32(label) } == 1000 })
  }
}
