internal import ArgumentParser
internal import FoundationEssentials

/// How lists are shown.
enum ListFormat: String, CaseIterable, ExpressibleByArgument {
    case table, json

    /// The text for a value; a new format is an error here until it is handled.
    func render(_ value: some Encodable, table: () -> String) throws -> String {
        switch self {
        case .table: return table()
        case .json:
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        }
    }
}

/// Text in columns.
package struct TextTable {
    private var rows: [[String]]

    /// A table with these headings.
    package init(_ headings: [String]) { rows = [headings] }

    /// Adds a row, with as many cells as there are headings.
    package mutating func add(_ cells: [String]) { rows.append(cells) }

    /// Columns as wide as their widest cell, two blanks between them, none at the end of a line.
    package var text: String {
        let columns = rows.first?.count ?? 0
        let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
        let lines = rows.map { row in
            var line = ""
            for (cell, width) in zip(row, widths) {
                line += cell + String(repeating: " ", count: width - cell.count + 2)
            }
            while line.last == " " { line.removeLast() }
            return line
        }
        return lines.joined(separator: "\n")
    }
}
