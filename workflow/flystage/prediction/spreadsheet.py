"""Write a table as a spreadsheet. Text stays text, numbers are numbers, and the first column shows the pictures."""

from io import BytesIO

import cv2
import numpy as np
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.drawing.image import Image
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from tqdm import tqdm

from flystage.core.cells import as_cell, in_workbook
from flystage.core.files import written_whole
from flystage.images.pngs import decoded_png, read_png, without_margin

MOST_PICTURES = 300  # more pictures make a spreadsheet slow, so it then gets no pictures
WIDTH, HEIGHT = 120, 60  # largest thumbnail, in pixels
OF_A_PIXEL = 0.75  # points per pixel, as row heights are in points. A letter of column width has 7 pixels
LONGEST = 40  # widest column, in letters


def write_xlsx(table, path):
    """Write a table as .xlsx. The first row stays in view, and every column has a filter.

    table: Texts stay text (051, =1+1), numbers are numbers, and empty cells are empty. The optional column png is not
    written. Up to MOST_PICTURES rows, the first column shows the pictures of these PNGs.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet("predictions")
    pngs = table["png"].tolist() if "png" in table and len(table) <= MOST_PICTURES else None
    written = table.drop(columns="png", errors="ignore")
    names = ["picture"] * (pngs is not None) + list(written.columns)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(names))}{len(table) + 1}"
    for place, name in enumerate(names, 1):
        longest = max([len(name) + 3, *written[name].astype(str).str.len()]) if name in written else WIDTH / 7 + 1
        sheet.column_dimensions[get_column_letter(place)].width = min(longest + 1, LONGEST)
    sheet.append([_cell(sheet, name, Font(bold=True)) for name in names])
    rows = written.itertuples(index=False, name=None)
    for place, row in enumerate(tqdm(rows, total=len(written), unit="row", desc="predictions.xlsx", disable=None)):
        first = []
        if pngs is not None:
            first = [None]
            if pngs[place]:
                sheet.row_dimensions[place + 2].height = HEIGHT * OF_A_PIXEL
                picture = Image(BytesIO(_thumbnail(pngs[place])))
                picture.anchor = f"A{place + 2}"
                sheet.add_image(picture)
        sheet.append(first + [_cell(sheet, value) for value in row])
    with written_whole(path) as temporary:
        book.save(temporary)


def _cell(sheet, value, font=None):
    if not isinstance(value, str) and (value is None or np.isnan(value)) or value == "":
        return None
    value = in_workbook(value) if isinstance(value, str) else value.item() if hasattr(value, "item") else value
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type = "s"  # else text that begins with = becomes a formula
        if as_cell(value) != value:
            cell.number_format = "@"  # else it becomes a formula when somebody edits the cell
    if font:
        cell.font = font
    return cell


def _thumbnail(png):
    picture = without_margin(decoded_png(png, read_png(png)))
    scale = min(WIDTH / picture.shape[1], HEIGHT / picture.shape[0])
    size = [max(1, round(scale * side)) for side in picture.shape[::-1]]
    return cv2.imencode(".png", cv2.resize(picture, size, interpolation=cv2.INTER_AREA))[1].tobytes()
