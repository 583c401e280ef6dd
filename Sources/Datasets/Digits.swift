import CDigits

/// The UCI optical digits: 1,797 images of 8x8 pixels, 10 classes, inside the binary.
///
/// Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, doi
/// 10.24432/C50P49, CC BY 4.0.
public enum Digits {
  /// All samples; features are the pixels, row by row, divided by 16, so 0 (white) to 1.
  public static var all: Dataset {
    let bytes = samples
    var features: [Float] = []
    var classes: [Int32] = []
    features.reserveCapacity(RONDO_DIGITS_SAMPLES * pixels)
    for sample in stride(from: 0, to: bytes.count, by: sampleBytes) {
      features += bytes[sample..<sample + pixels].lazy.map { Float($0) / 16 }
      classes.append(Int32(bytes[sample + pixels]))
    }
    let names = (0..<pixels).map { "pixel \($0 / 8) \($0 % 8)" }
    return Dataset(
      numbers: NumberRows(features, shape: [8, 8, 1], names: names),
      labels: .classes(classes, names: (0...9).map(String.init)), labelName: "digit")
  }

  /// All samples, about a fifth of them held out: those whose 64 pixel bytes have an FNV-1a hash (64 bits) divisible by 5.
  /// So the split depends on what is in an image alone, and will never change.
  public static func split() -> DatasetSplit {
    let bytes = samples
    return all.split { sample in
      let start = sample * sampleBytes
      return ContentHash.fnv1a(bytes[start..<start + pixels]).isMultiple(of: 5)
    }
  }

  private static var pixels: Int { RONDO_DIGITS_PIXELS }
  private static var sampleBytes: Int { RONDO_DIGITS_SAMPLE_BYTES }

  private static var samples: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: rondo_digits(), count: RONDO_DIGITS_SAMPLES * sampleBytes)
  }
}
