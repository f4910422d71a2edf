import CLI
import Testing

@Suite struct RunMachineTests {
    private typealias Number = RunMachine.Number

    private func running() -> RunMachine {
        var machine = RunMachine()
        let actions = machine.handle(.started(100))
        #expect(actions.isEmpty)
        return machine
    }

    /// The program may say that it is ready before this process knows its number.
    @Test func signalsThatComeBeforeTheProgramIsKnownReachIt() {
        var machine = RunMachine()
        let (user1, user2, child) = (Int32(10), Int32(12), Int32(17))
        // 28 is the terminal's, which the program gets anyway.
        let signals: [(Int32, Int32?)] = [
            (user1, 5), (user2, 5), (user1, 5), (child, 100), (18, 5), (28, nil),
        ]
        for (number, sender) in signals {
            let actions = machine.handle(.signal(number, sender: sender))
            #expect(actions.isEmpty)
        }
        #expect(machine.aborted == nil)
        let actions = machine.handle(.started(100))
        #expect(actions == [.forward(user1), .forward(user2)])
    }

    @Test func theFirstSignalBeforeTheProgramHurriesAndTheSecondEnds() {
        var machine = RunMachine()
        let first = machine.handle(.signal(Number.interrupt, sender: nil))
        #expect(first == [.hurry])
        #expect(machine.aborted == 130)
        let second = machine.handle(.signal(Number.terminate, sender: nil))
        #expect(second == [.exit(143)])
    }

    @Test func aSignalJustBeforeTheStartReachesTheProgram() {
        var machine = RunMachine()
        _ = machine.handle(.signal(Number.terminate, sender: 5))
        let actions = machine.handle(.started(100))
        #expect(actions == [.forward(Number.terminate)])
    }

    @Test(arguments: [Int32(1), 2, 3, 15, 10, 12, 28])
    func onlyWhatWasSentToUsAloneIsPassedOn(_ number: Int32) {
        var machine = running()
        // The terminal has already sent it to the program.
        let terminal = machine.handle(.signal(number, sender: nil))
        #expect(terminal.isEmpty)
        let process = machine.handle(.signal(number, sender: 5))
        #expect(process == [.forward(number)])
        // A program that signals its whole group needs no echo.
        let program = machine.handle(.signal(number, sender: 100))
        #expect(program.isEmpty)
    }

    @Test(arguments: [Int32(20), 21, 22])
    func beingStoppedStopsUsAndGoingOnWakesTheProgram(_ number: Int32) {
        var machine = running()
        let key = machine.handle(.signal(number, sender: nil))
        #expect(key == [.suspend(number), .resume, .forward(Number.continue)])
        let process = machine.handle(.signal(number, sender: 5))
        #expect(process.first == .forward(number))
        let goOn = machine.handle(.signal(Number.continue, sender: 5))
        #expect(goOn == [.forward(Number.continue)])
    }

    @Test func theProgramsEndIsTheEnd() {
        var machine = running()
        let child = machine.handle(.signal(Number.child, sender: nil))
        #expect(child == [.reap])
        let end = machine.handle(.ended(7))
        #expect(end == [.finish(7)])
        let late = machine.handle(.signal(Number.terminate, sender: 5))
        #expect(late.isEmpty)
        let twice = machine.handle(.ended(8))
        #expect(twice.isEmpty)
    }
}
