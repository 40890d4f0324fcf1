"""What separates the columns of a CSV that a spreadsheet may have saved."""


def delimiter_of(text):
    """Comma, semicolon or tab, as the first line of a CSV tells. text: of the file, or its first line."""
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)
