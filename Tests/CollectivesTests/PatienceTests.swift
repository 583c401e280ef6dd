import Testing

@testable import Collectives

@Suite struct PatienceTests {
  @Test func ranksThatTheLauncherPutsOnFewerCoresGiveWay() {
    #expect(!Patience.isOversubscribed([:]))
    #expect(!Patience.isOversubscribed(["OMPI_MCA_mpi_oversubscribe": "0", "PATH": "1"]))
    #expect(Patience.isOversubscribed(["OMPI_MCA_mpi_oversubscribe": "1"]))
    #expect(Patience.isOversubscribed(["OMPI_MCA_mpi_yield_when_idle": "1"]))
  }
}
