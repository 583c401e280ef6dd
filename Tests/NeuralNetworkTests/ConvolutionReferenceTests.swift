import Graph
import NeuralNetwork
import Testing

/// The losses of the first 20 steps of the convolutional networks equal PyTorch's. Their batch is one microbatch: batch normalisation
/// looks at it as a whole.
@Suite struct ConvolutionReferenceTests {
  @Test func resnet20() throws {
    let reference = try Reference("resnet20")
    try reference.expectLosses {
      Reference.classified(
        $0, batch: reference.batch, features: [16, 16, 3], classes: 10,
        ResNet(layers: 20, classes: 10).callAsFunction)
    }
  }

  @Test func resnet18() throws {
    let reference = try Reference("resnet18")
    try reference.expectLosses {
      Reference.classified(
        $0, batch: reference.batch, features: [64, 64, 3], classes: 10,
        ResNet18(classes: 10, width: 8).callAsFunction)
    }
  }

  @Test func conv1d() throws {
    let reference = try Reference("conv1d")
    try reference.expectLosses {
      Reference.classified(
        $0, batch: reference.batch, features: [50, 3], classes: 4,
        Conv1DNet(channels: [8, 16], outputs: 4).callAsFunction)
    }
  }
}
