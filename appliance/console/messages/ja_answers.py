# SPDX-License-Identifier: Apache-2.0
"""Japanese: what the call server says of trunks, of ways that calls would take, and of what needs a person."""

SAID = {
    # why a trunk is not up
    "not started": "まだ始めていません",
    "no answer yet": "まだ応答がありません",
    "no answer": "応答がありません",
    "stopped": "終了しました",
    "the connection failed": "接続できませんでした",
    "the DNS knows no such server": "DNSにそのサーバーはありません",
    "the DNS does not answer": "DNSが応答しません",
    "no transport of the listener leads there": "リスナーのトランスポートではそこに届きません",
    "it leads back to ourselves": "この機械自身に戻ってきます",
    "its listener has no address yet": "リスナーのアドレスがまだありません",
    "wrong credentials: {text}": "認証情報が違います: {text}",
    "refused: {text}": "断られました: {text}",
    # moments
    "{text} is no moment": "{text} という時はありません",
    "a date (2026-11-22), a time of today (14:30), both (2026-11-22T14:30), or how long ago (90m, 2h, 3d), in UTC":
        "日付(2026-11-22)、今日の時刻(14:30)、その両方(2026-11-22T14:30)、またはどれだけ前か(90m、2h、3d)。UTCで",
    # configurations of the past
    "there is no revision {text}": "版 {text} はありません",
    "one of the last 50, as `show revisions` lists them": "show revisions に出る最近の50版のどれか",
    "nothing is on trial": "試行中の設定はありません",
    "`commit confirmed` before it": "先に commit confirmed",
    # handsets
    "{text} is not on its keys": "{text} というキーはありません",
    "{text} is nothing that a hand does": "{text} という動作はありません",
    "this handset is {text}": "この受話器はいま {text} です",
    "a handset on the hook, or with dial tone": "置かれた受話器、または発信音の聞こえる受話器",
    "hang it up first": "先に hang-up",
    "keys: 0 to 9, *, #": "キー: 0から9、*、#",
    "no handset is configured": "受話器は設定されていません",
    # which way a call would take
    "emergency": "緊急通報",
    "extension": "内線",
    "trunks": "外線",
    "blocked": "規制",
    "unknown": "不明",
    "stranger": "権利なし",
    "{number} is an extension": "{number} は内線番号です",
    "{number} is no extension, and no route has its prefix":
        "{number} は内線番号ではなく、先頭の数字の合う経路もありません",
    "route {name}: prefix {prefix}, {count} digits taken off, {number} is left":
        "経路 {name}: 先頭の数字 {prefix}、{count} 桁を取り除いて {number}",
    "route {name}: prefix {prefix}": "経路 {name}: 先頭の数字 {prefix}",
    "pickup": "代理応答",
    "{number} takes over what rings longest in the office": "{number} は社内で最も長く鳴っている着信に出ます",
    "{number} takes over what rings longest at {extension}": "{number} は {extension} で最も長く鳴っている着信に出ます",
    "while nothing rings there:": "何も鳴っていなければ:",
    "what is dialled: digits, *, # and +, or an extension": "ダイヤルするもの: 数字、*、#、+、または内線番号",
    "14:30, or 2026-11-22T14:30, as the office's clock shows it": "14:30、または 2026-11-22T14:30(事業所の時計で)",
    "only extensions may call out": "外にかけられるのは内線だけです",
    "calls on its trunk go on by trunk {trunk}": "その外線の通話は外線 {trunk} に通します",
    "{number} is {before}, which neither the route nor the caller may":
        "{number} は{before}で、経路にも発信者にも許可がありません",
    "{number} is {before}, and that is allowed": "{number} は{before}で、許可されています",
    "international": "国際電話",
    "premium": "有料情報サービス",
    "{number} withholds the caller's number": "{number} は発信者番号を通知しません",
    "{number} shows the caller's number": "{number} は発信者番号を通知します",
    "an extension of the configuration": "設定にある内線番号",
    "{number} is no call that is known": "通話 {number} の記録はありません",
    "what `show calls all` or `show records` lists": "`show calls all` か `show records` にある番号",
    # what needs a person
    "the process that relays media cannot be had: calls through this box have no audio":
        "音声を中継するプロセスが動かないため、この機械を通る通話に音がありません",
    "look for media_relay lines in the journal; is the machine out of memory or of descriptors?":
        "ジャーナルの media_relay の行を見てください。メモリーかファイル記述子が足りないかもしれません",
    "configurations of the past cannot be kept: {text}": "過去の設定を保存できません: {text}",
    "see to the disk of the state directory and of the configuration file":
        "状態ディレクトリーと設定ファイルのディスクを確かめてください",
    "{text}; listener {name} goes on with the one it has": "{text}。リスナー {name} は今の証明書を使い続けます",
    "put a certificate chain and its key there, both PEM": "証明書チェーンとその鍵(どちらもPEM)をそこに置いてください",
    "the certificate of listener {name} ({path}) has expired on {day}":
        "リスナー {name} の証明書({path})は {day} に期限が切れました",
    "the certificate of listener {name} ({path}) expires on {day}":
        "リスナー {name} の証明書({path})は {day} に期限が切れます",
    "renew it: the new file is taken up by itself, no connection is closed":
        "更新してください。新しいファイルは自動で読み込まれ、接続は切れません",
    "a bug of ours was met and survived: {text}": "プログラムの不具合がありましたが、動作を続けています: {text}",
    "send the journal's internal_error lines to the makers": "ジャーナルの internal_error の行を開発者に送ってください",
}
