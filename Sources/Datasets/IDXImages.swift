/// Labelled images in two IDX files, as MNIST and Fashion-MNIST come: pixels as bytes, and a class for each image. Either file may be
/// packed with gzip.
///
/// Samples have the shape [height, width, channels], from 0 to 1.
public struct IDXImages: Sendable, Equatable {
  /// [count, height, width] or [count, height, width, channels]
  public var imagesPath: String
  /// [count]
  public var labelsPath: String
  /// What the classes 0, 1, ... are called; nil for their numbers.
  public var classNames: [String]?

  public init(imagesPath: String, labelsPath: String, classNames: [String]? = nil) {
    self.imagesPath = imagesPath
    self.labelsPath = labelsPath
    self.classNames = classNames
  }

  /// The files of a training and of a test part in one folder, by the names that they have at their source, with or without `.gz`:
  /// `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`.
  public static func load(
    folder: String, classNames: [String]? = nil
  ) throws(DatasetError) -> DatasetSplit {
    let train = try pair(in: folder, part: "train", classNames: classNames).load()
    return DatasetSplit(train: train, test: try loadTest(folder: folder, matching: train))
  }

  /// The test part of a folder, for a model that was trained on images of the same shape and classes.
  ///
  /// - Parameter template: of images; its samples do not matter.
  public static func loadTest(folder: String, matching template: Dataset) throws(DatasetError) -> Dataset {
    let test = try pair(in: folder, part: "t10k", classNames: template.classNames ?? [])
    let images = try test.load()
    guard images.sampleShape == template.sampleShape else {
      throw DatasetError(
        "the images are \(images.sampleShape), those of the training part \(template.sampleShape)",
        path: test.imagesPath)
    }
    return images
  }

  public func load() throws(DatasetError) -> Dataset {
    let images = try IDXArray(
      path: imagesPath, axes: [3: "count, height, width", 4: "count, height, width, channels"])
    let labels = try IDXArray(path: labelsPath, axes: [1: "count"])
    guard images.extents[0] == labels.extents[0] else {
      throw DatasetError(
        "there are \(labels.extents[0]) labels, and \(images.extents[0]) images in \(imagesPath)",
        path: labelsPath)
    }
    let greatest = Int(labels.bytes.max() ?? 0)
    let names = classNames ?? (0...max(greatest, 1)).map(String.init)
    if greatest >= names.count, let sample = labels.bytes.firstIndex(of: UInt8(greatest)) {
      throw DatasetError(
        "label \(sample + 1) is \(greatest), and there are \(names.count) classes, 0 to \(names.count - 1)",
        path: labelsPath)
    }
    let shape = Array(images.extents.dropFirst()) + (images.extents.count == 3 ? [1] : [])
    return Dataset(
      numbers: NumberRows(pixels: images.bytes, shape: shape),
      labels: .classes(labels.bytes.map { Int32($0) }, names: names), labelName: "label")
  }

  private static func pair(
    in folder: String, part: String, classNames: [String]?
  ) throws(DatasetError) -> IDXImages {
    IDXImages(
      imagesPath: try file("\(part)-images-idx3-ubyte", in: folder),
      labelsPath: try file("\(part)-labels-idx1-ubyte", in: folder), classNames: classNames)
  }

  private static func file(_ name: String, in folder: String) throws(DatasetError) -> String {
    for candidate in [name, "\(name).gz"] {
      let path = folder.hasSuffix("/") ? folder + candidate : "\(folder)/\(candidate)"
      if FileBytes.exists(path) { return path }
    }
    throw DatasetError(
      "there is no \(name) or \(name).gz in this folder; it must hold train-images-idx3-ubyte, train-labels-idx1-ubyte "
        + "and the same two for t10k", path: folder)
  }
}
