# SPDX-License-Identifier: Apache-2.0
"""Japanese for what is said of the card that the box starts from. English sentences are the keys."""

SENTENCES = {
    "the card had errors and was repaired at the start: something may be missing":
        "カードに誤りがあり、起動時に修復しました。何かが失われているかもしれません",
    "see whether configuration and telephones are all there; put in a new card where it happens again":
        "設定と電話機がすべてそろっているか確かめ、再び起きるならカードを交換してください",
    "the card has met errors since the start ({detail}): nothing that is set now may last":
        "起動後にカードで誤りが起きました({detail}件)。今からの設定は残らないかもしれません",
    "switch the box off and on when nobody talks, the start repairs the card; put in a new one where it happens again":
        "通話のないときに電源を入れ直すと、起動時に修復されます。再び起きるならカードを交換してください",
    "the card takes no writing: what is set now is lost with the power":
        "カードに書き込めません。今からの設定は電源を切ると失われます",
    "put in a new card, and your configuration into it":
        "カードを交換し、控えてある設定を入れてください",
    "the card is unreadable: the box has started with nothing, and what is set now is lost with the power":
        "カードが読めません。何もない状態で起動し、今からの設定は電源を切ると失われます",
    "slot {subject} of the card has failed at too many starts in a row":
        "カードのスロット {subject} は続けて何度も起動に失敗しました",
    "install the system into that slot anew, or put in a new card":
        "そのスロットにシステムを入れ直すか、カードを交換してください",
    "slot {subject} of the card was tried and did not prove itself: the former one runs":
        "カードのスロット {subject} を試しましたが、うまく動きませんでした。元のスロットで動いています",
    "ask the makers about the system that was installed there":
        "そこに入れたシステムについて製造元に問い合わせてください",
    "slot {subject} of the card cannot be started: the other one runs":
        "カードのスロット {subject} は起動できません。もう一方のスロットで動いています",
    "slot {subject} of the card was not tried, for the card takes no note":
        "カードに書き込めないため、スロット {subject} は試していません",
}
