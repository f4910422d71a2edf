internal import CLinux
internal import Version
internal import Worker

// The program that ferryd starts for each client process, and once to list the GPUs. It ends with
// _exit: the driver's own clean-up could wait for a kernel that never ends.

private func say(_ text: String, on descriptor: Int32) {
    let bytes = Array(text.utf8)
    _ = write(descriptor, bytes, bytes.count)
}

private func run() -> WorkerFailure.ExitStatus {
    do throws(Command.UsageError) {
        switch try Command.parse(Array(CommandLine.arguments.dropFirst())) {
        case .help:
            say(Command.helpText, on: 1)
            return .clientClosed
        case .version:
            say("ferry-worker \(FerryVersion.current)\n", on: 1)
            return .clientClosed
        case .serve(let options): return Program.serve(options)
        case .echo(let options): return Program.echo(options)
        case .inventory(let driver): return Program.inventory(driver: driver)
        }
    } catch {
        say("ferry-worker: \(error.text)\nSee 'ferry-worker --help'.\n", on: 2)
        return .usage
    }
}

_exit(run().rawValue)
