"""A picture of three searches: the selfie on the left, the photos found on the right with the matched face boxed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from facepass.domain.face import BoundingBox
from facepass.entrypoints.demo.measure import box_of, is_face
from facepass.entrypoints.demo.people import name
from facepass.entrypoints.demo.photos import DemoSession
from facepass.entrypoints.demo.report import SelfieResult
from facepass.entrypoints.http import schemas

COLUMNS, MAX_ROWS = 7, 5
TILE_WIDTH, TILE_HEIGHT, LABEL_HEIGHT = 216, 162, 24
GAP, MARGIN = 12, 28
SELFIE_WIDTH, SELFIE_HEIGHT = 246, 328
WINDOW = 4.5
"""A tile shows a part of the photo this many face heights high, so that small faces can be told apart."""
PAPER, INK, PALE = (250, 250, 248), (34, 36, 40), (112, 116, 122)
RIGHT, WRONG, MISSED, PROBE = (22, 148, 84), (208, 48, 48), (214, 140, 24), (96, 168, 240)


@dataclass(frozen=True, slots=True)
class Tile:
    """One photo of a search: which, the face to box, in which colour, and the words below."""

    photo_id: str
    box: BoundingBox
    colour: tuple[int, int, int]
    label: str


def choose(results: Sequence[SelfieResult]) -> list[tuple[str, SelfieResult]]:
    """The searches with the best, the median and the worst recall (then precision); fewer where there are fewer."""
    ranked = sorted(results, key=lambda one: (-one.recall, -(one.precision or 0.0), one.person))
    places = {"best": 0, "median": len(ranked) // 2, "worst": len(ranked) - 1}
    return [(words, ranked[at]) for words, at in places.items()] if ranked else []


def write_contact_sheet(
    path: Path,
    session: DemoSession,
    chosen: Sequence[tuple[str, SelfieResult]],
    answers: dict[str, schemas.SearchResult],
) -> None:
    """Write the sheet as PNG.

    Args:
        path: of the file; its folder must exist.
        session: where the pictures are.
        chosen: what to show, from `choose`.
        answers: by name of the person.
    """
    blocks = [_block(session, words, result, answers.get(result.person)) for words, result in chosen]
    width = 2 * MARGIN + SELFIE_WIDTH + COLUMNS * (TILE_WIDTH + GAP) + GAP
    sheet = Image.new("RGB", (width, sum(block.height for block in blocks) + 3 * MARGIN + 40), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), "FacePass demo: three selfies and the photos found", INK, _font(26))
    _legend(draw, width - MARGIN, MARGIN + 8)
    y = MARGIN + 40 + MARGIN // 2
    for block in blocks:
        sheet.paste(block, (0, y))
        y += block.height
    sheet.save(path, "PNG", optimize=True)


def _legend(draw: ImageDraw.ImageDraw, right: int, y: int) -> None:
    font = _font(16)
    for words, colour in (("missed", MISSED), ("wrong", WRONG), ("right", RIGHT)):
        right -= round(font.getlength(words))
        draw.text((right, y), words, INK, font)
        draw.rectangle((right - 24, y + 2, right - 9, y + 17), outline=colour, width=3)
        right -= 44


def _block(session: DemoSession, words: str, result: SelfieResult, answer: schemas.SearchResult | None) -> Image.Image:
    """One search: a rule, the selfie with its numbers, the tiles."""
    tiles = _tiles(session, result, answer)
    rows = max(1, -(-len(tiles) // COLUMNS))
    tiles_height = rows * (TILE_HEIGHT + LABEL_HEIGHT + GAP)
    block = Image.new(
        "RGB",
        (
            2 * MARGIN + SELFIE_WIDTH + COLUMNS * (TILE_WIDTH + GAP) + GAP,
            2 * MARGIN + max(tiles_height, SELFIE_HEIGHT + 130),
        ),
        PAPER,
    )
    draw = ImageDraw.Draw(block)
    draw.line((MARGIN, MARGIN // 2, block.width - MARGIN, MARGIN // 2), (214, 214, 210), 2)
    _draw_selfie(block, session, result, answer)
    y = MARGIN + SELFIE_HEIGHT + 8
    draw.text((MARGIN, y), f"{result.person} · {words} recall", INK, _font(20))
    for line in _numbers(result):
        y += 26
        draw.text((MARGIN, y), line, PALE, _font(16))
    left = MARGIN + SELFIE_WIDTH + 2 * GAP
    for number, tile in enumerate(tiles):
        x = left + number % COLUMNS * (TILE_WIDTH + GAP)
        y = MARGIN + number // COLUMNS * (TILE_HEIGHT + LABEL_HEIGHT + GAP)
        block.paste(_draw_tile(session, tile), (x, y))
        draw.text((x, y + TILE_HEIGHT + 4), tile.label, tile.colour, _font(15))
    return block


def _numbers(result: SelfieResult) -> list[str]:
    if result.refused:
        return ["refused:", result.refused[:34]]
    missed, wrong = len(result.missed), len(result.wrong)
    return [
        f"{len(result.right)} of {result.expected} photos found",
        f"{missed} missed, {wrong} wrong",
        f"recall {result.recall:.3f}",
        f"precision {'-' if result.precision is None else format(result.precision, '.3f')}",
    ]


def _draw_selfie(
    block: Image.Image, session: DemoSession, result: SelfieResult, answer: schemas.SearchResult | None
) -> None:
    with Image.open(session.folder / "selfies" / f"{result.person}.jpg") as opened:
        selfie = opened.convert("RGB")
    if answer:
        _outline(ImageDraw.Draw(selfie), box_of(answer.query_face.box), PROBE, 6)
    block.paste(ImageOps.fit(selfie, (SELFIE_WIDTH, SELFIE_HEIGHT), Image.Resampling.LANCZOS), (MARGIN, MARGIN))


def _tiles(session: DemoSession, result: SelfieResult, answer: schemas.SearchResult | None) -> list[Tile]:
    """Found photos, best first, then missed ones; what does not fit is left out from the middle of the right ones."""
    truth = {
        photo.photo_id: face
        for photo in session.plan.photos
        for face in photo.faces
        if name(face.person) == result.person
    }
    found = []
    for match in answer.matches if answer else ():
        box, face = box_of(match.box), truth.get(match.photo_id)
        colour = RIGHT if face is not None and is_face(box, face) else WRONG
        found.append(Tile(match.photo_id, box, colour, f"{match.photo_id} · {match.similarity:.3f}"))
    missed = [
        Tile(photo_id, truth[photo_id].box, MISSED, f"{photo_id} · {truth[photo_id].face_px:.0f} px missed")
        for photo_id in result.missed
    ]
    room = max(0, COLUMNS * MAX_ROWS - len(missed))
    return (found[:room] + missed)[: COLUMNS * MAX_ROWS]


def _draw_tile(session: DemoSession, tile: Tile) -> Image.Image:
    with Image.open(session.folder / "photos" / f"{tile.photo_id}.jpg") as opened:
        photo = ImageOps.exif_transpose(opened).convert("RGB")
    height = min(WINDOW * tile.box.height, photo.height, photo.width * TILE_HEIGHT / TILE_WIDTH)
    width = height * TILE_WIDTH / TILE_HEIGHT
    left = min(max(0.0, tile.box.x + tile.box.width / 2 - width / 2), photo.width - width)
    top = min(max(0.0, tile.box.y + tile.box.height / 2 - height / 2), photo.height - height)
    part = photo.resize((TILE_WIDTH, TILE_HEIGHT), Image.Resampling.LANCZOS, (left, top, left + width, top + height))
    zoom = TILE_HEIGHT / height
    box = BoundingBox(
        (tile.box.x - left) * zoom, (tile.box.y - top) * zoom, tile.box.width * zoom, tile.box.height * zoom
    )
    _outline(ImageDraw.Draw(part), box, tile.colour, 3)
    return part


def _outline(draw: ImageDraw.ImageDraw, box: BoundingBox, colour: tuple[int, int, int], width: int) -> None:
    draw.rectangle((box.x, box.y, box.x + box.width, box.y + box.height), outline=colour, width=width)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
