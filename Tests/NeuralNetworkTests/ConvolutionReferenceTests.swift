import Graph
import NeuralNetwork
import Testing

/// The losses of the first 20 steps of the convolutional networks equal PyTorch's. Where there is batch normalisation the batch is one
/// microbatch: it looks at that as a whole.
@Suite struct ConvolutionReferenceTests {
  @Test(arguments: [1, 4]) func lenet(_ microbatches: Int) throws {
    let reference = try Reference("lenet")
    try reference.expectLosses(microbatches: microbatches) {
      Reference.classified(
        $0, batch: reference.batch, features: [28, 28, 1], classes: 10, LeNet(classes: 10).callAsFunction)
    }
  }

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
