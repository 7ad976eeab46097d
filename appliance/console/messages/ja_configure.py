# SPDX-License-Identifier: Apache-2.0
"""Japanese: errors, configuration mode, commits."""

SENTENCES = {
    "unfinished": "途中で終わっています",
    "{typed} is not known here": "{typed} はここでは使えません",
    "nothing more": "これ以上は何もありません",
    "{typed} may mean several things": "{typed} だけでは区別できません",
    "allowed: {allowed}": "使えるもの: {allowed}",
    "a regular expression": "正規表現",
    "with revision N of the past": "過去の版Nと",
    "nothing is known that may stand here": "ここに書けるものの候補はありません",
    "`show | compare` in configuration mode": "設定モードの `show | compare`",
    "confirmed: it stays": "確定しました",
    "nothing has changed: nothing to commit": "変更がないので、コミットするものはありません",
    "commit failed: everything is as it was": "コミットできませんでした。すべて元のままです",
    "it is taken back at {moment} unless `confirm` or `commit` is typed before":
        "{moment} までに confirm か commit を入力しないと、元に戻ります",
    "warning: ": "警告: ",
    "line {number}: ": "{number} 行目: ",
    "commit complete: revision {number}": "コミットしました: 版 {number}",
    "... and {count} more": "... ほか {count} 件",
    "configuration check succeeds": "設定に誤りはありません",
    "not good; errors: {count}": "誤りが {count} 件あります",
    "There are changes that are not committed. Leave, and lose them? [yes/no] ":
        "コミットしていない変更があります。捨てて出ますか [yes/no] ",
    "a path, as ? lists it": "パス(? で一覧)",
    "loaded; `compare` shows the difference, `commit` makes it run":
        "読み込みました。compare で差分を表示、commit で動作に移します",
    "{count} lines loaded, {refused} refused": "{count} 行を読み込み、{refused} 行は受け付けませんでした",
    "{count} lines loaded": "{count} 行を読み込みました",
    "a path with something below it": "下に何かがあるパス",
    "what was changed and not committed is gone": "コミットしていない変更は失われました",
    "paste the lines; a dot alone or ctrl-D ends them": "行を貼り付けてください。点だけの行か ctrl-D で終わりです",
    "default": "既定値",
    "is there": "設定済み",
    "in {duration}": "{duration} 後",
    "{user} edits, with changes that are not committed": "{user} が編集中(コミットしていない変更あり)",
    "{user} edits": "{user} が編集中",
    "nothing is on trial": "試行中の設定はありません",
    "revision {number} is on trial and is taken back {deadline}; `confirm` keeps it":
        "版 {number} は試行中で、{deadline}に元に戻ります。confirm で確定します",
    "a number, as `show revisions` lists it": "show revisions にある番号",
    "text, in quotes if there are blanks": "文字列。空白を含むなら引用符で囲む",
    "1 to {most} minutes": "1 から {most} 分",
    "others edit too: {users}": "ほかにも編集中の人がいます: {users}",
    "denwaban on {directory} does not answer: {operation}\ntry again; its journal says what it is doing":
        "{directory} の denwaban が応答しません: {operation}\n"
        "もう一度試してください。何をしているかはジャーナルにあります",
    "denwaban is not running on the state directory {directory}\n"
    "start it: denwaban run --config FILE --state DIR; or name the right one: --state DIR":
        "状態ディレクトリー {directory} で denwaban は動いていません\n"
        "起動: denwaban run --config FILE --state DIR、または正しい場所を指定: --state DIR",
    "the phone system does not run yet\n"
    "try again in half a minute; where it stays so, switch the box off and on":
        "電話システムはまだ動いていません\n"
        "30秒ほど待ってもう一度試してください。続くようなら電源を入れ直してください",
    "the control socket in {directory} is not for this user\n"
    "use the console as root or as the user that denwaban runs as":
        "{directory} の制御ソケットはこのユーザーには使えません\n"
        "root か、denwaban を動かしているユーザーでコンソールを使ってください",
    "nobody looks after the network of this machine\n"
    "where denwaban is to do it: `set network managed true`, then `commit`":
        "この機械のネットワークは管理されていません\n"
        "denwaban に任せるには: `set network managed true` のあと `commit`",
}
