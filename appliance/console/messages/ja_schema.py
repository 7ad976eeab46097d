# SPDX-License-Identifier: Apache-2.0
"""Japanese: what the configuration language has for whoever asks with ?: sections, leaves, defaults."""

SENTENCES = {
    "The office": "事業所",
    "Operators": "操作する人",
    "Listeners": "リスナー(SIPの待ち受け)",
    "SIP": "SIP全般",
    "Other domains": "ほかのドメイン",
    "Audio": "音声",
    "Messages": "メッセージ",
    "Extensions": "内線",
    "Handsets": "受話器",
    "Trunks": "外線",
    "Routes": "発信経路",
    "Emergency calls": "緊急通報",
    "The network": "ネットワーク",
    "Interfaces": "ネットワークインターフェース",
    "Static routes": "静的経路",
    "DHCP server": "DHCPサーバー",
    "DHCP hosts": "DHCPの固定割り当て",
    "DHCP options": "DHCPオプション",
    "The firewall": "ファイアウォール",
    "Port forwards": "ポート転送",
    "The host part of every user's address (AOR) and the digest realm. The listeners' addresses count as it too.":
        "利用者のアドレス(AOR)のホスト部で、認証のレルム。リスナーのアドレスも同じ扱い。",
    "Numbering, tones, emergency numbers and holidays.": "番号計画、信号音、緊急番号、祝日。",
    "The time zone for announcements and lists.": "案内と一覧の時間帯。",
    "What the console speaks at a terminal where neither the locale nor --language says otherwise.":
        "ロケールにも --language にも指定のない端末でのコンソールの言語。",
    "The name servers to ask for other domains' servers (RFC 3263), in order.":
        "ほかのドメインのサーバーを尋ねるネームサーバー(RFC 3263)。順に使う。",
    "Whoever has the private key gets the console by `ssh technician@ADDRESS`.":
        "この鍵の秘密鍵を持つ人は `ssh technician@ADDRESS` でコンソールに入れる。",
    "The address to listen on.": "待ち受けるアドレス。",
    "Instead of an address: the one that the network of this role has, whenever it changes. Needs `network managed`.":
        "アドレスの代わりに、この役割のネットワークのアドレス。変われば追従。`network managed` が必要。",
    "The port to listen on.": "待ち受けるポート。",
    "What is spoken there; RFC 3261 18 wants both udp and tcp of every element.":
        "使うトランスポート。RFC 3261 18 は udp と tcp の両方を求める。",
    "The port for TLS.": "TLSのポート。",
    "Whether the office or strangers are on this side.": "こちら側が社内(private)か社外(public)か。",
    "Requests from here are not challenged and carry the rights of their From.":
        "ここからのリクエストは認証を求めず、From の内線の権利で扱う。",
    "The certificate chain for TLS, PEM. A renewed file is taken up by itself; no connection is closed.":
        "TLSの証明書チェーン(PEM)。更新されたファイルは自動で読み込み、接続は切れない。",
    "The private key of the certificate, PEM.": "証明書の秘密鍵(PEM)。",
    "How calls between extensions are carried.": "内線どうしの通話の運び方。",
    "In the proxy role: stay in the path of every dialog.": "proxy のとき、ダイアログの経路に残る。",
    "What challenges offer, the preferred first (RFC 8760). Some phones fail when sha-256 is offered at all.":
        "認証で示すアルゴリズム、優先順(RFC 8760)。sha-256 を示すだけで失敗する電話機もある。",
    "Shorter registrations are refused with 423.": "これより短い登録は 423 で断る。",
    "Longer registrations are shortened to this.": "これより長い登録はこの長さにする。",
    "Certificates, PEM, that are trusted beside the system's when we connect to somebody over TLS.":
        "TLSで接続するとき、システムのもののほかに信頼する証明書(PEM)。",
    "From here, requests whose From is of that domain reach our extensions without a challenge.":
        "From がそのドメインのリクエストは、ここからなら認証なしで内線に届く。",
    "The UDP ports that audio may use, on the listeners' addresses.": "音声に使うUDPポート(リスナーのアドレス上)。",
    "How many messages wait for one extension; 0: none, the sender of one to nobody hears 480.":
        "1つの内線あてに保管するメッセージの数。0 なら保管せず、相手がいなければ 480 を返す。",
    "How large all messages that wait for one extension may be together.":
        "1つの内線あてに保管するメッセージの大きさの合計。",
    "How long a message waits; its own Expires may end it before.":
        "メッセージを保管する日数。メッセージの Expires が先ならそこまで。",
    "The name shown to others where the phone sends none.": "電話機が名前を送らないとき相手に表示する名前。",
    "The digest password of its phones.": "その電話機の認証パスワード。",
    "The digest user name where it differs from the extension.": "内線番号と異なる場合の認証ユーザー名。",
    "Overrides `sip digest algorithm` for it.": "この内線だけ `sip digest algorithm` を変える。",
    "Overrides `sip role` for calls to it.": "この内線への通話だけ `sip role` を変える。",
    "What it may call besides the numbers of the country.": "国内の番号のほかにかけてよい先。",
    "The extension that it is. Without one it has no server, and calls addresses such as sip:desk@192.0.2.7.":
        "この受話器の内線番号。なければサーバーを使わず、sip:desk@192.0.2.7 のようなアドレスにかける。",
    "Where its SIP is, for callers who know no server.": "サーバーを使わない相手が呼ぶためのSIPのアドレス。",
    "The digest password of who calls it at its own address; the user name and the realm are the handset's name.":
        "このアドレスへ直接かける相手の認証パスワード(ユーザー名と realm はハンドセットの名前)。",
    "The sound device, as alsa-lib knows it.": "音声デバイス(alsa-lib での名前)。",
    "The line of the hook switch.": "フックスイッチの信号線。",
    "The level of the hook line while lifted.": "受話器を上げている間の信号線のレベル。",
    "The line that drives the bell.": "ベルを鳴らす信号線。",
    "The line of the lamp: on in a call, blinking while it rings.": "ランプの信号線。通話中は点灯、着信中は点滅。",
    "Whether it has a dial that interrupts the hook line.": "フックの信号線を断続するダイヤルがあるか。",
    "How long the hook is pressed for a flash, in milliseconds.": "フッキングとみなす長さ(ミリ秒)。",
    "What it calls when the receiver is lifted.": "受話器を上げただけでかける先。",
    "How long the hotline waits for a digit.": "ホットラインが数字を待つ秒数。",
    "Whether what its earpiece sends into its microphone is taken out.": "受話口からマイクに回り込む音を消すか。",
    "The listener that the trunk uses.": "この外線が使うリスナー。",
    "The carrier's registrar: the trunk registers there.": "事業者のレジストラー。外線はここに登録する。",
    "Instead of a registrar: a static trunk, recognised by this address and port and never challenged.":
        "レジストラーの代わりに、固定の相手。このアドレスとポートで見分け、認証を求めない。",
    "The carrier's outbound proxy: every request of the trunk goes by it.":
        "事業者のアウトバウンドプロキシ。この外線のリクエストはすべてここを通る。",
    "The host part of our AOR at the carrier.": "事業者での当方のアドレス(AOR)のホスト部。",
    "The user part of our AOR at the carrier.": "事業者での当方のアドレス(AOR)のユーザー部。",
    "The digest user name.": "認証ユーザー名。",
    "The digest password.": "認証パスワード。",
    "The digest user name of the carrier, for calls where neither address nor Contact says that they are its own.":
        "アドレスでも Contact でも事業者と分からない着信で、事業者が使う認証ユーザー名。",
    "The digest password of the same.": "同じ認証のパスワード。",
    "Which extension rings for which of the carrier's numbers.": "事業者のどの番号でどの内線を鳴らすか。",
    "Where calls that come on this trunk go on, with the number that they called, when no `did` is for it.":
        "`did` にない番号への着信を、かけた番号のまま通す外線。",
    "What such calls may reach besides the numbers that everybody may.":
        "そのような通話が、だれでもかけられる番号のほかに届いてよい先。",
    "How many calls it carries at once.": "同時に運ぶ通話の数。",
    "The carrier's habits. In generic, numbers go out as dialled and nothing is rewritten.":
        "事業者の流儀。generic ではダイヤルした番号のまま送り、何も書き換えない。",
    "Whether it can carry emergency calls.": "緊急通報ができる回線か。",
    "The time between OPTIONS requests that ask whether the peer lives.": "相手の生存を OPTIONS で確かめる間隔。",
    "What is dialled begins with this; the longest prefix wins.": "ダイヤルの先頭の数字。最も長く合うものを使う。",
    "Digits taken away from the front.": "先頭から取り除く桁数。",
    "The trunks, tried in this order.": "使う外線。この順に試す。",
    "What everybody may call by it besides the numbers of the country.":
        "この経路で、国内の番号のほかにだれでもかけてよい先。",
    "Says that having no trunk for emergency calls is meant.": "緊急通報のできる外線がないことを承知している。",
    "Whether the appliance looks after the network of its host. It takes away only what it has set up itself.":
        "この機械のネットワークを管理するか。取り除くのは自分で設定したものだけ。",
    "Our address on the LAN, where the phones are.": "電話機のあるLANでのこの機械のアドレス。",
    "Our address on the WAN.": "WANでのこの機械のアドレス。",
    "The router on the WAN. With dhcp it is told by the server.": "WANのルーター。dhcp ならサーバーが教える。",
    "Where the time comes from; the LAN gets it from us.": "時刻の取得先。LANにはこの機械が配る。",
    "Whether the office or the world is behind it. Several lan interfaces become one bridge.":
        "先にあるのが社内(lan)か外(wan)か。複数の lan は1つのブリッジになる。",
    "The largest packet.": "パケットの最大の大きさ。",
    "The Ethernet address to show, where a provider knows only one.":
        "名乗るMACアドレス。プロバイダーが1つしか認めない場合に使う。",
    "Which network is reached by it.": "その先にあるネットワーク。",
    "The router to it.": "そこへのルーター。",
    "The addresses to give away on the LAN.": "LANに貸し出すアドレス。",
    "How long an address is lent.": "アドレスを貸す長さ。",
    "The domain of the hosts on the LAN.": "LANの機器のドメイン。",
    "Which machine it is.": "どの機器か(MACアドレス)。",
    "The address that it always gets.": "いつも貸すアドレス。",
    "What else the server tells (RFC 2132).": "サーバーがほかに知らせる値(RFC 2132)。",
    "Whether the LAN shares our address on the WAN (RFC 3022).": "LANがWANのこの機械のアドレスを共用するか(RFC 3022)。",
    "Whether everybody on the WAN may speak SIP to the public listeners, for phones outside the office. "
    "Without it only carriers may, other domains and whom the listener trusts.":
        "社外の電話機のため、WANのだれもが public のリスナーにSIPを送れるか。"
        "なければ事業者、ほかのドメイン、リスナーの信頼する相手だけ。",
    "From where SSH is let in on the WAN. From the LAN it always is.": "WANからSSHを通す送信元。LANからはいつも通す。",
    "Sources on the WAN that are never shut out. Those on the LAN never are, nor are carriers.":
        "締め出さないWANの送信元。LANと事業者はもともと締め出さない。",
    "The mark of the audio that we send.": "送る音声の印(DSCP)。",
    "The mark of the SIP that we send.": "送るSIPの印(DSCP)。",
    "What is forwarded.": "転送するプロトコル。",
    "The port or ports on the WAN.": "WAN側のポート。",
    "The machine that gets it.": "転送先の機器。",
    "The port of that machine, for a single port.": "転送先のポート(ポートが1つの場合)。",
    "From where on the WAN. Whoever is on the LAN may always.": "WANのどこから許すか。LANからはいつも使える。",
    "those of /etc/resolv.conf": "/etc/resolv.conf のもの",
    "required": "必須",
    "required, unless `interface` is said": "`interface` がなければ必須",
    "the port of the listener where tls is all that it speaks (5061 where none is said), else the port after it":
        "tls だけのリスナーならそのポート(指定がなければ5061)、ほかは次のポート",
    "nobody": "なし",
    "nowhere": "なし",
    "none": "なし",
    "the extension": "内線番号",
    "none: everybody who reaches that address may call": "なし: このアドレスに届く相手は誰でもかけられる",
    "any free port of 127.0.0.1": "127.0.0.1 の空きポート",
    "none: lifted and hung up on the console": "なし。コンソールから上げ下ろしする",
    "the listener, where there is only one": "1つしかなければそのリスナー",
    "the registrar or peer itself": "レジストラーまたは相手そのもの",
    "the registrar's or peer's host": "レジストラーまたは相手のホスト",
    "the number": "電話番号",
    "nowhere: 404": "なし。404 を返す",
    "nothing else": "ほかになし",
    "no limit": "制限なし",
    "0 for a static trunk, 60 for a registered one": "固定の外線は0、登録する外線は60",
    "only what `route <route> allow` says": "`route <route> allow` にあるものだけ",
    "only what `extension <extension> allow` says": "`extension <extension> allow` にあるものだけ",
    "as `sip digest algorithm`": "`sip digest algorithm` と同じ",
    "as `sip role`": "`sip role` と同じ",
    "a trunk with `emergency true` is expected": "`emergency true` の外線が要る",
    "dhcp, where an interface has the role wan": "wan のインターフェースがあれば dhcp",
    "ntp.nict.jp in the country jp": "国が jp なら ntp.nict.jp",
    "left as it is": "変えない",
    "that of the hardware": "機器のもの",
    "no DHCP server": "DHCPサーバーなし",
    "the same": "同じ",
    "everywhere": "どこからでも",
    "true where there are a LAN and a WAN": "LANとWANがあれば true",
}
