;;; mew-submit-cause-word.el --- What a server's words are about -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the words: which notions (a mailbox, full, a list of blocked
;; addresses ...) the text of a reply speaks of, in the languages servers speak.  It
;; knows nothing of causes.
;;
;; A text is brought to lower case without accents, with one space between words (every
;; Chinese, Japanese and Korean character is a word); then one walk along it, by a table of all
;; words, finds the notions.  The longest word or phrase wins and is used up, so that
;; "user unknown" is not also "user".  The time grows with the text, which is cut, and
;; with nothing else: no text can make it slow.

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'subr-x)

(defconst mew-submit-cause-word--max 2000
  "How many characters of a reply are read.")

;;; Words

;; After the notion: words and phrases, with "," between them; without accents; a "*"
;; at the end stands for any ending.  In order: English, then German, French, Spanish,
;; Portuguese, Italian, Dutch, Scandinavian, Polish, Czech, Russian, Turkish and other
;; languages, Chinese, Japanese, Korean.
(defconst mew-submit-cause-word--notion-rows
  '(;; Who and what
    (user
     "your account, your mailbox, your user, ihr konto, votre compte, su cuenta, sua conta,
il tuo account, la tua casella, uw account, twoje konto, vas ucet, hesabiniz, ваш аккаунт,
ваша учетная запись, 您的帐号, 您的账号, user, users, userid, account*, acct, login name,
benutzer*, konto, kontos, nutzer, utilisateur*, compte, usuario*, cuenta*, conta, utente,
gebruiker*, brugere, bruger, anvandare*, bruker*, kayttaj*, uzytkownik*, konta, uzivatel*,
uctu, ucet, kullanic*, hesap*, hesab*, felhasznalo*, utilizator*, пользовател*, учетн*,
аккаунт*, користувач*, 用户, 帐号, 账号, 帐户, 账户, 帳號, 使用者, ユーザ, アカウント, 사용자,
계정, kasutaja*, korisni*, uporabni*, vartotoj*, lietotaj*, потребител*, χρηστη*, المستخدم,
مستخدم, حساب, כתובת המשתמש, משתמש, המשתמש, کاربر, उपयोगकर्ता, ผู้ใช้, บัญชี, pengguna, akun,
nguoi dung, tai khoan, subscriber, customer, login id, account holder, employee")
    (mailbox
     "mailbox*, mail box, inbox, mailfolder, mail folder, maildrop, postfach*, mailbox des,
boite*, boite aux lettres, boite mail, buzon*, caixa postal, caixa de correio,
caixa de entrada, caixa, casella*, postvak*, brievenbus*, mailboks, brevlada*, inkorg*,
postkass*, innboks*, postilaatik*, skrzynk*, schrank*, posta kutusu, kutusu, postafiok*,
cutia postal*, casuta, ящик*, скриньк*, 邮箱, 信箱, 郵箱, メールボックス, 受信箱, 사서함,
메일함, 편지함, 우편함, postni predal*, predal*, spremnik*, sanducic*, postkast*, pastkast*,
pasto dezut*, θυριδα*, γραμματοκιβωτιο*, صندوق البريد, صندوق, תיבת הדואר, תיבה, กล่องจดหมาย,
ตู้จดหมาย, kotak surat, kotak masuk, hop thu, मेलबॉक्स, поштова скринька, mbox, mail drop,
пощенска кутия, пощенската кутия, mail account, email account, e mail account, maildir,
inbox of")
    (recipient
     "cannot be delivered, could not be delivered, cant be delivered, delivery error,
recipient*, rcpt, rcpts, rcptto, rcpt to, addressee*, receiver*, receiving user, empfanger*,
empfaenger*, adressat*, destinataire*, destinatario*, destinatari*, ontvanger*, geadresseerde*,
mottagar*, mottaker*, modtager*, vastaanottaj*, odbiorc*, adresat*, prijemc*, alici*, cimzett*,
primatel*, получател*, адресат*, одержувач*, 收件人, 收信人, 收件者, 接收者, 受信者, 宛先,
수신자, 수신인, 받는 사람, 받는사람, saaja*, prejemnik*, gavej*, sanem*, παραληπτη*, المستلم,
المرسل إليه, נמען, הנמען, ผู้รับ, penerima, nguoi nhan, destination address, target address,
envelope to, forward path, your correspondent, delivery to")
    (sender
     "sender*, mailfrom, mail from, envelope from, header from, from address, return path,
originator, absender*, expediteur*, emetteur*, remitente*, remetente*, emisor, mittente*,
afzender*, avsandar*, avsender*, afsender*, lahettaj*, nadawc*, odesilatel*, odosielatel*,
gonderen*, gonderici*, felado*, expeditor*, отправител*, відправник*, 发件人, 发信人, 发送者,
寄件者, 寄件人, 送信者, 差出人, 送信元, 발신자, 보낸 사람, 보내는 사람, 발송자, saatja*,
posiljatelj*, siuntej*, sutitaj*, αποστολε*, المرسل, שולח, השולח, ผู้ส่ง, pengirim, nguoi gui,
подател*, envelope, send address, sending address, reverse path, return path address,
originating address, from line")
    (address
     "address, addresses, adress, e mail address, email address, mail address, adresse,
adressen, mailadresse, emailadresse, adresse e mail, courriel, direccion*, endereco*,
indirizz*, adres, adresu, adresa, adresy, e mail adres, adresse mail, adresi, osoite*, адрес,
адреса, адресе, 地址, アドレス, 주소")
    (domain
     "domain, domains, domainname*, domaine*, dominio*, domein*, domane*, domaene*, domena*,
domeny, domeen*, domeniu*, doman, domeni*, verkkotunnus, etki alani, alan adi, домен*, 域名,
域, ドメイン, 도메인")
    (server
     "server, servers, mailserver*, mail server, host, client, client host, mta, serveur*,
servidor*, serwer*, servr*, palvelin, sunucu*, kiszolgalo, сервер*, 服务器, 伺服器, サーバ,
サーバー, 서버, qq com")
    (ip
     "ip, ipaddr, ips, ip address, ip addresses, ipv4, your network, your mail server,
your server, sending server, remote host, connecting host, ip adresse, adresse ip,
direccion ip, endereco ip, indirizzo ip, ip adres, adres ip, adresi ip, ip adresi, ip adresa,
ip адрес*, ip 地址, ipアドレス, 客户端, your host")
    (message
     "message, messages, mail, mails, email, emails, e mail, e mails, msg, nachricht*,
mensaje*, mensagem, mensagens, messaggi*, bericht*, meddeland*, melding*, wiadomosc*, poczt*,
zprav*, ileti*, uzenet*, mesaj*, viesti*, сообщени*, письм*, повідомленн*, лист, 邮件, 郵件,
信件, メール, メッセージ, 메일, 메시지, sporocil*, poruk*, kiri, zinut*, laisk*, vestul*,
μηνυμα*, رسالة, الرسالة, הודעה, ההודעה, ข้อความ, pesan, thu dien tu, съобщени*")
    (content
     "content*, message body, body, inhalt*, contenu, contenido, conteudo, contenuto, inhoud,
innehall*, tresc*, obsah*, icerik*, содержани*, содержим*, 内容, 內容, 本文, 내용")
    (attachment
     "docm, xlsm, exe files, files are not allowed, banned exe, exe, zip, dangerous file*,
attachment*, executable*, file type, file types, filetype, file name, filename, file extension,
banned file*, zip file*, anhang*, dateianhang*, dateityp, anlage, anlagen, piece jointe,
pieces jointes, fichier*, adjunto*, archivo*, anexo*, allegat*, bijlage*, bilag*, bifogad*,
vedlegg, liitetiedosto*, liite, zalacznik*, priloh*, dosya*, eki, mellekle*, вложени*, 附件,
添付, 첨부, priponk*, prilog*, manus*, pried*, συνημμεν*, المرفق, קובץ מצורף, ไฟล์แนบ,
lampiran, tep dinh kem, прикачен*, archive, archives, archiv, file with, files with,
file of type, files of type, files of this, unwanted file*, unwanted attachment*,
unwanted extension*, extension, extensions, macro, macros, macro enabled, documents, document,
encrypted archive*, password protected, protected archive, script file*")
    (url
     "domain in message, blacklisted link, shortener*, url, urls, uri, uris, uribl, surbl,
link, links, hyperlink*, dbl url, lien, liens, enlace*, verweis*, collegament*, koppeling*,
lank, odnosnik*, odkaz*, baglanti*, ссылк*, 链接, 連結, リンク, 링크, web address,
web addresses, shortened, domain found in, link in")
    (header
     "header, headers, header field*, headerfield*, kopfzeile*, en tete*, entete*, cabecera*,
encabezado*, cabecalho*, intestazion*, koptekst*, rubrik*, naglowek*, naglowk*, hlavick*,
baslik*, basligi, заголов*, 信头, 邮件头, 标头, ヘッダ, ヘッダー, 헤더, message id,
mime version, content transfer encoding, subject is mandatory")
    (field
     "boundary, multipart, mime part*, mime structure, subject*, message id, messageid,
date header, date field, from header, from field, to header, reply to, mime, rfc 5322, rfc5322,
rfc 2822, rfc2822, rfc 822, rfc822, content type, resent, bcc, sender header,
return path header")
    (password
     "password*, passwd, passphrase, passwor*, kennwort*, passwort*, mot de passe, contrasena*,
clave, senha*, palavra passe, wachtwoord*, losenord*, passord*, adgangskode*, kodeord*,
salasan*, haslo*, hasla, hesl*, sifre*, parola*, jelszo*, lozink*, парол*, 密码, 密碼, 口令,
パスワード, 비밀번호, 암호, salasona*, slaptazod*, parole, geslo, parool*, κωδικο*,
συνθηματικ*, كلمة المرور, كلمة السر, סיסמה, הסיסמה, סיסמא, رمز عبور, گذرواژه, पासवर्ड, รหัสผ่าน,
kata sandi, sandi, mat khau, парола*")
    (username
     "username*, user name, login, user id, user name or, benutzername*, nom d utilisateur,
nom dutilisateur, identifiant, nombre de usuario, nome de usuario, nome utente, gebruikersnaam,
anvandarnamn, brugernavn, brukernavn, nazwa uzytkownika, uzivatelske jmeno, kullanici adi,
имя пользователя, имени пользователя, логин*, 用户名, ユーザー名, 사용자 이름, kasutajanimi,
kasutajatunnus, korisnicko ime, uporabnisko ime, vartotojo vardas, lietotajvards,
потребителско име, ονομα χρηστη, اسم المستخدم, שם משתמש, שם המשתמש, نام کاربری, ชื่อผู้ใช้,
nama pengguna, ten dang nhap, kayttajatunnus, kayttajanimi")
    (credential
     "credential*, zugangsdaten, anmeldedaten, anmeldeinformationen, identifiants, credencial*,
credenzial*, inloggegevens, inloggningsuppgifter, loginoplysninger, dane logowania,
danych logowania, prihlasovaci udaje, kimlik bilgi*, учетные данные, учетных данных, 凭据,
资格情報, 자격 증명, authentication data, authentication information, authinfo, authcid,
login data, username password, secret")
    (auth
     "logga in, kirjaudu*, melden sie sich, loggen sie, connectez vous, inicie sesion,
faca login, faca o login, effettua il login, log in op, zaloguj*, войдите, authentication*,
auth, authenticat*, authentif*, authentisier*, authorisation, authentic*, smtp auth, smtpauth,
sasl, esmtpa, log in, logged in, login failed, sign in, logon, logging in, anmeld*, angemeld*,
eingeloggt, identifi*, connexion refusee, autentic*, iniciar sesion, sesion, aanmeld*,
aangemeld*, inlogg*, autentiser*, autentificar*, logg inn, log ind, uwierzytel*, autoryzac*,
logowan*, zalogowa*, autentiz*, prihlas*, overeni, kimlik dogrulama*, oturum*, hitelesit*,
bejelentkez*, авториз*, аутентиф*, авторизац*, вход, 认证, 验证, 登录, 身份验证, 登入, 驗證,
認証, ログイン, 인증, 로그인, prijav*, sisselogimi*, prisijung*, autentifikac*, συνδεση,
ταυτοποιηση, تسجيل الدخول, התחברות, אימות, ورود, เข้าสู่ระบบ, masuk, dang nhap, xac thuc,
удостовер*, pop before smtp, pop apop, apop, pop authorization, authorization required,
check your mail first, check mail first, receive mail first, 登陆, log on, sign on,
identify first, verified user")
    (relay
     "relay, relaying, relayed, relays, relay access, relaybetrieb, weiterleitung*, relais,
relayer, retransmis*, reenvio, reenviar, inoltro, doorsturen, relaas, vidarebefordr*,
przekazywan*, relayovani, predavani, yonlendirme*, ретрансл*, релей*, пересылк*, 中继, 转发,
轉發, 轉信, 转信, 中継, 릴레이, 중계, gateway, rcpthosts, rcpt hosts, third party, open relay,
local domain, local domains, not local, not hosted, not one of our domains, not our domain,
remote domain, remote domains, local delivery, must be local, forwarding to, mail forwarding,
foreign hosts, foreign host, served here")
    (connection
     "connection*, connect, connected, session*, concurren*, simultaneous*, parallel,
verbindung*, verbinden, connexion*, conexion*, conexao, conexoes, conness*, verbinding*,
anslutning*, forbindelse*, tilkobling*, polaczen*, spojeni, pripojen*, baglanti*, соединени*,
подключени*, 连接, 連接, 連線, 接続, 연결, 접속")
    (helo
     "hello name, hello command, hello host, bad hello, invalid hello, hostname in helo,
helo host name, ehlo argument, helo argument, helo argument s, helo, ehlo, helo name,
ehlo name, helo ehlo, helo host, helo command, helohost, introduce yourself, identify yourself,
helohost error, hello string, call yourself, calls itself, calling yourself")
    (ptr
     "resolve to a name, resolve to a host*, does not resolve to, no dns entry for your ip,
unverifyable sending, unverifiable sending, in addr arpa, ip name lookup, name lookup failed,
ip name possibly forged, possibly forged, bad dns ptr, find your hostname,
find your reverse hostname, resolve your hostname, resolve your ip, dns ptr, forward dns,
no rdns, missing rdns, reverse dns, rdns, ptr, ptr record*, ptr resource, ptr eintrag,
reverse lookup*, reverse entry, reverse name*, reverse hostname, reverse host, revdns,
reverse zone, fcrdns, reverse mapping, cannot find your hostname,
cannot find your reverse hostname, hostname lookup, host name lookup,
cannot resolve your address, cannot resolve your ip*, cannot resolve ptr, no hostname,
forward confirmed, generic rdns, no name for your ip, has no name, dns name,
ruckwartsauflosung*, reverse eintrag, resolution inverse, dns inverse, inverse, dns inverso*,
dns reverso*, reverso*, inverso*, revers*, odwrotn*, rewers*, reverzn*, zpetn*, ters dns,
обратн*, 反向, 反向解析, 反解, 逆引き, 逆引, 역방향, r dns, unresolvable relay*,
unresolvable client*, unresolvable host*, relay host name, hostname mismatch, no name in dns,
mismatched dns, ip must resolve, sender ip must resolve, rp rdn, name of your ip")
    (spf
     "permitted sender, authorized sender for, not permitted to send mail for,
authorized to send for, not a permitted sender, authorized mail server,
not authorized to send mail from, not an authorized, allowed to send mail for, spf, dkim,
dmarc, sender policy framework, openspf, domainkeys, sender id, adsp, alignment, spf record*,
spf check*, domain authentication, email authentication, sender authentication,
unauthenticated sender, sender is unauthenticated, unauthenticated email,
authentication requirements, required authentication level, must be authenticated by, arc seal,
not authorized to send on behalf, not authorized to send mail for, not authorized to use,
not designated as permitted sender, purported responsible address, senders policy,
sender policy, sending domain policy, domain owner policy, domain owners policy,
authorised by the domain, authorized by the domain, unsigned, not signed, not dkim signed,
domain signature, aligned, not aligned, designated to send for, not designated to,
your domains policy, own servers, domains own servers, must come from")
    (tls
     "tls, starttls, ssl, encrypt*, verschlussel*, verschluessel*, ssltls, chiffr*, cifrad*,
cifrat*, criptograf*, crittograf*, versleutel*, krypter*, szyfrowan*, sifrovan*, sifrel*,
secure connection, cleartext, clear text, plaintext, plain text, unencrypted,
insecure connection, non secure, зашифров*, шифров*, 加密, 暗号, 암호화, sichere verbindung,
unverschlussel*, unverschluessel*, cipher*, high strength")
    (certificate
     "certificate*, cert, zertifikat*, certificat*, dane, tlsa, mta sts, sts policy,
requiretls, certyfikat*, sertifika*, сертификат*, 证书, 証明書, 인증서")
    (mechanism
     "mechanism*, auth type, authentication type, authentication method*, auth method*,
authentication mechanism*, login method, mecanisme*, mecanismo*, meccanism*, mechanizm*,
механизм*, 机制")
    (token
     "token, tokens, access token, oauth*, xoauth2, bearer, refresh token, jeton, 令牌,
トークン, 토큰")
    (apppassword
     "generated password, enter your authorization, mot de passe d appareil, geratepasswort*,
contrasena de dispositivo, device specific password, password dispositivo, secure mail key*,
mail key, password for mail programs, app password*, application password*,
application specific*, app specific*, apppassword*, authorization code*, authorisation code*,
auth code, authcode, client password, third party password, device password, app generated,
external password, external app password, app passwort*, anwendungspasswort*,
anwendungsspezifisch*, app kennwort*, mot de passe d application, mot de passe application,
mot de passe dapplication, contrasena de aplicacion*, contrasenas de aplicacion*,
senha de app*, senha de aplicativo*, password per le app*, password per app*,
password specifica, app wachtwoord*, applosenord*, haslo aplikacji, hasla aplikacji,
heslo pro aplikac*, aplikacni heslo, uygulama sifre*, uygulama parola*, пароль приложения,
пароль для внешн*, пароля приложения, пароли приложений, пароля для внешн*, parol prilozheniya,
授权码, 授權碼, 客户端授权, 独立密码, 专用密码, アプリパスワード, アプリ パスワード,
専用パスワード, 앱 비밀번호, 애플리케이션 비밀번호, separate password,
another password for programs, eigenes passwort, separates passwort, eigenes kennwort,
smtp key, smtp keys, not your account password, not your normal password,
not your web password, not your regular password, not your login password")
    (web
     "accept eula, accept the eula, accept the terms, accept our terms, web login, weblogin*,
webmail, web mail, web browser, browser*, captcha, via the web, verify your account,
verify your identity, confirm your identity, sign in to your account, log into your account,
log in to your account on, suspicious login, suspicious sign in, unusual sign in,
security challenge, continue sending messages, unlock your account, activate your account,
navigateur, navegador, im browser, przegladark*, prohlizec*, tarayici*, браузер*, капч*, 网页,
ブラウザ, 브라우저, robot, robots, phone number, verify your phone, account needs verification,
account verification, verification required, needs verification, new terms,
nutzungsbedingungen, conditions d utilisation, terminos de uso, condizioni d uso, captchas,
human verification, prove that you are, security check, security checkup, unrecognised device,
unrecognized device, new device, unknown device, approve it")
    (list
     "μαυρη λιστα, black, black ip, black sender, black mail, open relay, open proxy,
badmailfrom, badrcptto, listed by, is listed in, is listed on, listed in, listed at,
ipcheck proofpoint, blocked using, barracuda reputation, barracuda*, blocked ip,
block list removal, delist*, poor reputation sender, csi mimecast, blacklist*, blocklist*,
black list*, block list*, blocked list, denylist*, deny list, rbl, rbls, dnsbl*, dnsrbl,
spamhaus*, spamcop*, sorbs*, barracudacentral*, uceprotect*, invaluement, senderbase,
senderscore, sender score, spamrats, abusix, mail abuse, njabl, ordb, cbl, abuseat, sbl, xbl,
css, zen, psbl, nixspam, dnsbl sorbs, blackhole*, black hole, schwarzliste, sperrliste*,
liste noire, listes noires, lista negra, lista nera, listas negras, zwarte lijst, svartlist*,
svarteliste*, czarnej liscie, kara liste*, karaliste*, feketelist*, lista neagra,
черный список, черном списке, черного списка, 黑名单, 黑名單, 封锁列表, ブラックリスト,
블랙리스트, 차단 목록, ip block, banned ip*, client host blocked, ivm, schwarze liste,
schwarzen liste, czarna lista, czarne listy, czarnej liste, cerna listina, cerne listine,
cernou listinu, черные списки, чорний список, чорному списку, siyah liste*, schwarzer liste,
blok listesi, listed, our list, our lists, backscatterer, wpbl, dsbl, spamcannibal, mailspike,
hostkarma, gbudb, truncate, lashback, proofpoint pdr, five ten, shunned, returnpath,
barred hosts, permanently deferred, will not succeed, ignore list, our firewall, trust rating,
low trust, bad ip score, ip score, ban list, on a realtime list, realtime list, intrusion")
    (reputation
     "reputation*, bad reputation, poor reputation, low reputation, untrusted, trust level,
cloudmark sender intelligence, csi, talos, reputazion*, reputatie, reputacja*, reputac*,
репутац*, 信誉, 信譽, 評価, 평판, directory harvest*, harvest attack, harvesting,
dictionary attack*, schlechten ruf, schlechter ruf, schlechte reputation, mauvaise reputation,
mala reputacion, spotne, senderscore")
    (spam
     "scam, fraud, spamverdacht*, spamfilter*, spamschutz, spamerkennung, message filtered,
mail rejete, mail rejected ofr, looks like spam, classified as spam, suspicion of spam,
block spam, anti spam, antispam, mailing suspected, advertisement*, advertising, spam,
spammer*, spammy, spamming, junk, junkmail, bulk mail, unsolicited*, uce, ube, spamassassin,
spam score, spamscore, spam like, spam content, high probability of spam, likely spam,
suspected spam, considered spam, phish*, bayes, unwanted, werbung, unerwunscht*, pourriel*,
indesirable*, correo no deseado, no solicitado, lixo eletronico, indesiderat*, ongewenst*,
skrappost, soppost, niechcian*, nevyzadan*, istenmeyen, keretlen, спам*, 垃圾, 垃圾邮件,
迷惑メール, スパム, 스팸, 광고, nezelen*, rams*, spami, neprasyt*, ανεπιθυμητ*, مزعج, ספאם,
דואר זבל, สแปม, thu rac, bulk, bulk email*, bulk e mail*, bulk messages, mass mail*,
mass mailer*, mass mailing*, spamtext, antyspam*, antispamow*, pattern detection,
recurrent pattern, gtube, bulkmail, spamtrap, spam trap, honeypot, spammish,
suspicious content, suspicious message, heuristic*, fingerprint*, content analysis, scored,
score, razor, pyzor, bogofilter, commtouch, brightmail, cyren, mailshell, objectionable,
offensive, porn, pornographic, casino, profanity, sensitive words, spam filter")
    (virus
     "virus, viruses, malware, worm, trojan*, infection, clamav, clam av, av engine,
virenscan*, viren, virenbefall, virusscan*, schadsoftware, infecte*, infectad*, infettat*,
infetto, malicious software, malicious content, malicious code, phishing heuristics,
zainfekowan*, wirus*, zavirovan*, vir, zararli*, вирус*, вредонос*, 病毒, ウイルス, ウィルス,
바이러스, eicar*, virusi, виру*, ιο, ιος, فيروس, וירוס, ไวรัส, malicious, payload, harmful,
dangerous content, ransomware, exploit, backdoor, rootkit, sophos, kaspersky, mcafee,
bitdefender, eset, f prot, avg, infects, w32, win32, netsky, mydoom, klez, antivirus")
    (loop
     "loop, looping, loops, mail loop, mailloop, hop count*, too many hops, hops, maximum hop*,
received header*, too many received, already has my delivered to, mail forwarding loop,
schleife*, boucle*, bucle*, loop de, ciclo, lus, slinga, petl*, smyck*, dongu*, циклич*,
зациклив*, 循环, 环路, ループ, 루프, routing loop, delivered to line, mx list for,
mail loops back, loops back to myself, loop detected, endlosschleife*, mailschleife*,
kreislauf, been here before, circular, circularly, zapetlen*")
    (size
     "attachment is too long, message is too long, mail too large, length of data content,
content length, data size, message size, size limit*, maximum size, max size, exceeds size,
too large, too big, too long a message, oversize*, message length, file size,
fixed maximum message size, maximum message size, maximum permitted size, mail size, databytes,
exceeds the size, exceeds maximum size, exceeded size, size exceeds, size exceeded,
bigger than, larger than, larger size, size too, megabyte*, mb, maximum allowed size, zu gros*,
zu groß, groß, grosse der, maximale große, nachrichtengros*, maximale groess*, zu gross*,
taille, trop volumineux, trop gros*, tamano, demasiado grande, tamanho, muito grande,
dimension*, troppo grande, grootte, te groot, for stor*, storlek, zbyt duz*, za duz*, rozmiar*,
prilis velk*, velikost*, cok buyuk, boyut*, tul nagy, prea mare, слишком больш*, размер*, 太大,
过大, 大小, 超过大小, サイズ, 大きすぎ, 너무 큽니다, 너무 커, 크기, 용량 초과, prevelik*,
liiga suur, per didel*, parak liel*, μεγεθος, حجم, גודל, גדול מדי, ขนาด, terlalu besar, ukuran,
kich thuoc, qua lon, твърде голям*, завелик*, розмір*, liian suuri, too much data,
too much mail data, kilobytes, bytes, too heavy, size restriction*, larger in size, size of")
    (full
     "no more room, no room, speicherlimit*, speicherplatz ist erschopft, no space in mailbox,
is full, over quota, overquota, over its quota, over the quota, overdrawn, out of quota,
mailbox full, mailbox is full, quota exceeded mailbox, exceeded storage, exceeded its storage,
storage limit, storage quota, storage allocation, exceeded quota, mailbox size limit*,
mailbox limit*, disk quota*, out of storage, out of storage space, insufficient mailbox,
mailbox quota*, quotaexceeded, mailboxfull, inbox full, inbox is full, no room in mailbox,
mailbox for user is full, over the allowed quota, exceed mailbox, exceeds mailbox,
over the maximum allowed, exceeded the allotted, email quota exceeded, mail quota exceeded,
user quota, quota violat*, limite de almacenamiento, voll, uberfull*, ueberfull*, plein*,
saturee, llen*, cheia, cheio, lotad*, pien*, vol, overvol, full*, fuld, taynna, przepelnion*,
pelna, pelny, zapelnion*, preplnen*, plna, plny, dolu, dolmus, megtelt, plina, plin, переполн*,
заполнен*, повн*, 已满, 满了, 空间不足, 容量不足, 已滿, 満杯, いっぱい, 容量超過, 가득, 꽉 찼,
poln*, pun, puna, tais, pilnas, pilna, pilns, переповнен*, пълна, пълен, γεματη, γεματο,
πληρη*, ممتلئ*, מלאה, מלא, เต็ม, penuh, da day, пуна, exhausted disk, disc quota*,
userdisk quota*, domaindisk quota*, maildir over quota, hard limit,
quota exceed the hard limit, filled, filled up, too full, overfull, over limit, over its limit,
over its storage, max storage, no free space, exceeded its space, insufficient space in,
not enough room, enough room in, no space for, reached its storage, storage used up,
mail stored, too much mail stored, messages stored")
    (quota
     "message credits, credits left, no credits, credits, sends left, plan limit,
max emails per hour, maximum credits, credits exceeded, emails per hour, emails per day,
recipients per day, recipients per hour, max defers, send quota, sending quota, relay quota,
sending limit, send limit, relays quota, quota*, allowance, contingent, kontingent*, cuota*,
cota, quotum, limit quota, квот*, 配额, 配額, 額度, 할당량, allotted, allotted number,
has run out, have run out, run out of, used up, aufgebraucht, epuise*, agotad*, esgotad*,
esaurit*, opgebruikt, wyczerpan*, vycerpan*, tukend*, исчерпан*, 用完, 用尽, 使い切, 소진,
sending credit*, daily cap, monthly cap, ceiling, daily allotment, message allowance,
used all, used all of")
    (loginlimit
     "lockout, locked out, too much fail*, login failures, repeated login*, log in failures,
repeated failed, number of login, number of failed, too many failed, too many auth*,
too many login*, too many bad auth*, too many invalid login*, too many wrong,
too many unsuccessful, many failed login*, many failed auth*, many authentication failures,
authentication attempts, login attempts, log in attempts, auth attempts, failed attempts,
failed logins, repeated authentication failure*, too many incorrect, login rate,
logins exceeded, login frequency, too many password, brute force, bruteforce, fehlversuche*,
anmeldeversuch*, zu viele fehl*, tentatives de connexion, tentatives, intentos, tentativas,
tentativi, pogingen, prob logowania, pokusu o prihlaseni, pokusu, попыток, deneme*, 登录次数,
尝试次数, 登录失败次数, 登录频率, 試行回数, 로그인 시도, plusieurs echecs, nombreux echecs")
    (toomany
     "more than one, multiple, duplicate*, zuviele, zuviel, too many mails, sent too many,
too many, too much, too often, too frequent*, too fast, too quickly, number of, max number of,
maximum number of, many, excessive*, zu viele, zu viel, zu oft, zu haufig, trop de, trop,
demasiad*, muitas, muitos, excesso de, troppi, troppe, te veel, for manga, for mange,
zbyt wiel*, za duzo, zbyt duzo, prilis mnoho, cok fazla, tul sok, prea mult*, liian monta,
слишком мног*, забагато, 过多, 太多, 過多, 多すぎ, 너무 많, too many requests, 大量")
    (limit
     "excedi*, supero, superat*, depasse*, numero maximo, numero massimo, nombre maximum,
nombre maximal, maximale anzahl, maximum aantal, maksymaln*, maximalni, максимальн*,
tageslimit*, daglimiet, stundenlimit*, monatslimit*, bereikt, naet, oppnadd, atteint, atteinte,
alcanzad*, atingid*, raggiunt*, osiagniet*, dosazen*, достигнут*, limit*, exceed, exceeded,
exceeds, exceeding, maximum, maximal, max, threshold*, permitted limits, reached, over limit,
overlimit, limit exceeded, limit reached, limiet, grens, grenze*, uberschritten,
ueberschritten, uberschreit*, ueberschreit*, depass*, superad*, excedid*, excede*,
overschreden, overskred*, overskrid*, przekroc*, prekroc*, asildi, asti, asim*, tullep*,
depasit*, превыш*, лимит*, 超过, 超过限制, 超出, 限制, 上限, 超過, 초과, 제한, 한도, 制限,
presezen*, prekoracen*, uletatud, virsyt*, parsniegt*, вичерпан*, надвиш*, υπερβαση, تجاوز,
חריגה, מכסה, เกิน, melebihi, batas, vuot qua, versandlimit*")
    (rate
     "langsamer, zu schnell, rapide, ralentis*, demasiado rapido, muito rapido, troppo veloc*,
te snel, zbyt szybko, prilis rychle, cok hizli, слишком быстро, 过快, 速すぎ, 너무 빠, slower,
retrying too fast, too fast, mail bomb, mailbomb, too many mails, connection rate,
message rate, sending too fast, sending too quickly, concurrency limit, rate, rate limit*,
ratelimit*, throttl*, slow down, flood, flooding, frequen*, per minute, per second, mails per,
messages per connection, per connection, per session, per client, per host, per source, burst*,
unusual rate, unexpected volume, speed, geschwindigkeit, drosselung, debit, frecuencia,
snelheid, frekvens, czestotliwosc*, rychlost, hizi, частот*, скорост*, 频率, 频繁, 速率, 頻度,
頻繁, 빈도, 속도, concurrency, too quickly, tarpit*, thread limit, short period, short time,
in a short, too many requests, слишком част*, частая, zu haufig, zu haeufig, zu oft,
trop souvent, trop frequen*, too rapidly, too many per, lower your, sessions opened, 大量,
短時間, pacing, backoff, back off, volume, message volume, spike, aggressive, aggressively,
hammering, ratelimit exceeded, throughput, hourly rate, a minute, within minutes, in minutes,
mails within, sending pattern, sending patterns, pattern of sending")
    (period
     "tageslimit*, daglimiet, dagsgrans, dygnsgrans, taeglich*, 1h, 24 h, 1 h, 1 hour, 1 day,
emails per hour, max emails per hour, emails per day, recipients per day, recipients per hour,
messages per day, messages per hour, mails per day, mails per hour, per 24 hours,
within 24 hours, per hour allowed, max defers and failures per hour, hour, hourly, per hour,
this hour, day, daily, per day, today, for today, month, monthly, per month, week, weekly,
24 hours, 24 hour, 24h, stunde, stundlich*, pro stunde, taglich*, pro tag, monatlich*, heure,
par heure, par jour, journalier*, quotidien*, jour, diari*, dia, hora, giornalier*, orari*,
giorno, uur, dagelijks*, per dag, dag, timme, dagliga, dzienn*, godzin*, dobow*, denni, hodin*,
gunluk, saatlik, napi, zilnic*, суточн*, дневн*, часов*, сутки, в час, день, 每天, 当天, 每日,
每小时, 今日, 今天, 一日, 1 日, 日, 시간당, 일일, 하루, 오늘, 내일, 明日, 翌日, 本日, 明天,
tomorrow, morgen, heute, demain, aujourd hui, manana, hoy, amanha, hoje, domani, oggi, jutro,
zitra, завтра, billing period, billing cycle, this period")
    (sending
     "ausgehend*, sortant*, saliente*, uitgaand*, utgaende, wychodzac*, odchozi*, giden,
sending limit*, send limit*, sending quota, send quota, sent too many, sending, outgoing,
outbound, submission, sent, send, relay quota, relays quota, versand*, sendelimit*, gesendet,
envoi*, envoye*, envio*, enviar, enviad*, invio, inviat*, verzend*, verzonden, wysyl*, wyslan*,
odesil*, odeslan*, odosiel*, odoslan*, gonderim*, gonderme*, kuldes*, trimite*, отправк*,
отправлен*, исходящ*, 发送, 发信, 外发, 寄送, 送信, 발송, 발신, 전송")
    ;; What is the matter
    (unknown
     "no one here, no one by that name, have an account here, inesistent*, not known at this,
not exist here, nobody here, not a registered, not our user, not a user, not our,
not one of our, not known at, not hosted here, not known here, no such person, not a customer,
doesnt like recipient, unknown, unkown, does not exist, doesnt exist, not exist, not exists,
dont exist, do not exist, non existent, nonexistent, inexistent, unexist*, existiert nicht,
not found, no such, not known, isnt known, not a known, no mailbox here, not listed in,
no user, no account, no mailbox, cannot be found, could not be found, couldnt be found,
not here, no valid, not valid, no longer valid, not our customer, not a valid, is not valid,
isnt valid, isnt local, doesnt have a, does not have a, not in recipient list,
not in directory, has no mailbox, undeliverable address, unrouteable, unroutable,
unroutable address, not a local user, no record of, not active here, no longer available,
no longer exists, moved, has left, no longer works, wrong address, cant find, unable to find,
couldnt find, could not find, no one by, nobody, is a nonexistent, unknown or illegal,
unknown or, unbekannt*, gibt es nicht, nicht gefunden, nicht vorhanden, nicht bekannt,
inconnu*, nexiste pas, n existe pas, existe pas, introuvable*, inexistant*, pas trouve*,
no existe*, desconocid*, inexistente*, no encontrad*, no se encontro*, no se ha encontrado,
nao existe*, nao encontrad*, desconhecid*, non esiste*, sconosciut*, non trovat*, bestaat niet,
onbekend*, niet gevonden, niet bekend, finns inte, existerar inte, okand*, finnes ikke,
findes ikke, eksisterer ikke, ukendt*, ukjent*, ei ole olemassa, ei loydy, tuntematon,
nie istnieje, nieznan*, nie znaleziono, nie ma takiego, brak takiego, neexistuj*, neznam*,
nenalezen*, bulunamad*, yok, mevcut degil, bilinmeyen, gecersiz kullanici, nem letezik,
ismeretlen, nu exista, necunoscut*, не существует, не найден*, неизвестн*, нет такого,
не зарегистрирован*, не існує, не знайдено, 不存在, 未找到, 找不到, 未知, 没有找到, 无此, 無此,
存在しません, 見つかりません, 不明, 없는, 존재하지, 찾을 수 없, ei ole, ei leidu, puudub,
sellist kasutajat ei ole, ne obstaja*, neobstojec*, ne postoj*, nepostojec*, neegzistuoj*,
neeksiste, neexistent*, няма такъв, не съществува, δεν υπαρχει, αγνωστ*, غير موجود, لا يوجد,
غير معروف, לא קיים, לא נמצא, אינו קיים, وجود ندارد, ไม่พบ, ไม่มี, tidak ditemukan, tidak ada,
tidak dikenal, khong ton tai, khong tim thay, nincs ilyen, gibt es hier nicht,
gibt es bei uns nicht, not a member of domain, not a member of this domain, not present in,
not present, cant accept user, cannot accept user, not an active address, no one at, nobody at,
no match in, match in name directory, not in my validrcptto, validrcptto, nessun, nessuno,
does not handle mail for, doesnt handle mail for, handle mail for, no longer an employee,
no longer with, no longer employed, incorrectly addressed, not email addresses, dosnt exist,
doesnt exists, does not exists, dosent exist, not listed, is not listed, unregistered,
doesnt recognise, not recognise, not recognize, does not recognise, does not recognize,
kein solcher, keine solche, kein solches, aucun utilisateur, pas d utilisateur, ningun usuario,
nessun utente, geen gebruiker, brak uzytkownika, zadny uzivatel, нет пользователя,
boyle bir kullanici yok, not in service, not on this server, not handled, non existing,
nonexisting, does not appear, not defined, undefined, not in our, no account by,
not a subscriber of, not a customer of, no known user, not a local address, validation check,
recipient validation, recipient verify from, not valid here, never heard, not deliverable")
    (nouser
     "такого пользователя нет, такого пользователя, такой пользователь,
нет такого пользователя, adresse d au moins un destinataire invalide,
this address no longer accepts mail, invalid rcpt, invalid mailbox name,
bad destination mailbox, user not exist, email address does not exist,
recipient address unknown, recipient rejected unknown, user unknown, unknown user,
no such user, nosuchuser, user not found, user doesnt exist, user does not exist,
unknown recipient, recipient unknown, recipient not found, no such recipient, no such mailbox,
mailbox not found, mailbox unknown, unknown mailbox, mailbox does not exist,
unknown local part, unknown local user, unknown address, no such address, address unknown,
address does not exist, no mailbox here by that name, unknown account, account does not exist,
no such account, recipient does not exist, recipient address does not exist,
that email account does not exist, email account that you tried to reach does not exist,
not a valid mailbox, invalid user, invalid rcptto, bad destination mailbox address,
bad address syntax recipient, unknown virtual user, unknown alias, unknown or illegal alias,
addressee unknown, user not known, username unknown, no such person, no such local user,
unknown in local recipient table, unknown in virtual, unknown in relay recipient table,
user unknown in, not a valid recipient, recipient not exists, recipient not exist,
recipient invalid, mailbox not exist, does not like recipient, no mailbox by that name,
user invalid, mailbox name not allowed, unrouteable address, unroutable address,
name is not recognized, recipnotfound, resolver adr recip not found, recipient is not exist,
address couldnt be found, recipient verify failed, recipient verification failed,
unknown user account, user is unknown, recipient not recognized, recipient not recognised,
recipient unrecognized, recipient unrecognised, recipient is not recognized,
address not recognized, address not recognised, address unrecognized,
address is not recognized, user not recognized, unable to find alias, alias not found,
alias user not found, userunknown, usernotfound, no longer a valid user, no longer a user,
no longer a valid address, no longer a valid recipient, no longer a valid mailbox")
    (nodomain
     "domain may not exist, dns check failed, host does not accept mail, dns mx, mx or a,
a aaaa, mx record*, dns records, bad mx, domain not found, no such domain, unknown domain,
domain does not exist, nonexistent domain, non existent domain, nxdomain, host not found,
host unknown, unknown host, name not found, domain name not found, no mx, no mx record*,
no valid mx, no a record, no dns record*, no dns a record, no dns a mx, domain doesnt exist,
domain unknown, domain invalid, invalid domain, domain not valid, domain is not valid,
domain isnt valid, unresolvable domain, unable to resolve domain, does not resolve,
doesnt resolve, not resolvable, cannot resolve domain, could not resolve domain,
domain must exist, must resolve, domain not exist, domain not exists,
domain cannot be resolved, null mx, nullmx, domain does not accept mail, accepts no mail,
no mail exchanger*, has no mx, unrouteable mail domain, unrouteable domain, unroutable domain,
unroutable mail domain, fully qualified domain name, domain of sender address,
real domain name required, domain not resolvable, domain not resolved,
name or service not known, domain missing, all relevant mx records point,
bad destination system, bad destination host, cant find a valid mx, dns error,
mail domain mentioned, malformed dns, badly formed dns, host or domain name not found,
reserved domain, domainnotfound, bad dns, mx points to, mx lookup, does not receive email,
does not receive mail, doesnt receive mail, does not accept email, receives no mail,
takes no mail, cannot receive mail, valid sender domain, without a valid sender, dead domain,
domain resolve fail*, domain resolution fail*, host name is unknown, host name unknown,
hostname unknown, find any host, any host named, any host by that name, no data by dns,
invalid sender domain, sender domain is invalid, bad sender domain, no mail server*,
no mail host, no a or mx, neither mx nor, kein mailserver, no mx or a, valid mx or, has no a,
no address record, domaine introuvable, domaine inconnu, domaine inexistant,
dominio inexistente, dominio inesistente, domena nie istnieje, domena neexistuje,
domein bestaat niet, neexistuje domena, not configured for mail, not configured to receive")
    (invalid
     "invalid*, incorrect*, wrong*, bad, illegal, not correct, false, mismatch*, dont match,
does not match, doesnt match, not match, not accepted, unacceptable, failed, failure, fails,
fail, failing, unsuccessful, unsuccessfully, rejected credentials, ungultig*, ungueltig*,
falsch*, nicht korrekt, inkorrekt*, fehlgeschlagen, fehlerhaft*, gescheitert, nicht richtig,
stimmt nicht, invalide*, errone*, incorrecte*, echou*, echec, fallo, fallid*, fallad*,
error de autenticacion, invalido*, incorret*, errad*, falhou, falha*, non valid*, errat*,
sbagliat*, fallit*, scorrett*, ongeldig*, onjuist*, mislukt, verkeerd*, fel, ogiltig*,
misslyckad*, ugyldig*, feil, forkert, mislykkedes, mislyktes, virheelli*, epaonnistui,
nieprawidlow*, bledn*, niepoprawn*, nie powiodl*, nieudan*, zle, neplatn*, nespravn*, chybn*,
selhal*, neuspes*, gecersiz*, hatali, yanlis*, basarisiz*, hibas, ervenytelen, sikertelen,
esuat*, gresit*, невер*, неправиль*, недопустим*, недействител*, некоррект*,
ошибка аутентификации, ошибка авторизации, не удалось, невірн*, 错误, 失败, 无效, 不正确, 錯誤,
失敗, 無効, 正しくありません, 間違, 실패, 잘못된, 올바르지, 유효하지, vale, vigane, pogres*,
napacn*, netocn*, neteising*, nepareiz*, грешн*, грешк*, λαθος, λανθασμεν*, ακυρ*, غير صحيح*,
خاطئ*, שגוי, שגויה, שגויים, שגיאה, نادرست, اشتباه, गलत, ไม่ถูกต้อง, salah, khong dung, sai")
    (not
     "not, no, isnt, arent, cannot, cant, never, without, missing, lacks, lacking, doesnt,
does not, dont, do not, didnt, must not, none, nicht, kein*, ohne, fehlt, fehlend*, pas, sans,
manque*, aucun*, non, sin, falta, nao, sem, senza, manca, niet, geen, zonder, inte, utan,
saknas, ikke, mangler, uden, uten, ei, nie, brak, bez, neni, nema, nelze, chybi, degil, yok,
eksik, nem, nu, не, нет, без, отсутств*, немає, 不, 没有, 無, 无, 缺少, 未, ない, ません, 않,
없, empty, blank, incomplete, nessun, nessuno")
    (denied
     "not welcome, recipient address rejected, all recipient addresses rejected,
data command rejected, end of data command rejected, denies, denied, rejected, reject, deny,
blocked, block, blocking, forbidden, prohibited, banned, barred, declined, not permitted,
not allowed, isnt allowed, not authorized, not authorised, unauthorized, unauthorised,
disallowed, access denied, disapproved, may not, not accepted here, not accept, not accepted,
unwelcome, restricted, restriction*, abgelehnt, abgewiesen, verweigert, zuruckgewiesen,
zurueckgewiesen, gesperrt, nicht erlaubt, nicht gestattet, verboten, geblockt, blockiert,
refuse*, rejete*, bloque*, interdit*, non autoris*, rechazad*, denegad*, bloquead*, prohibid*,
no permitid*, no autorizad*, recusad*, rejeitad*, negad*, nao permitid*, nao autorizad*,
rifiutat*, respint*, bloccat*, negato, non consentit*, non autorizzat*, vietat*, geweigerd,
geblokkeerd*, niet toegestaan, avvisad*, nekad, blockerad*, ej tillat*, inte tillat*, afvist,
avvist, blokeret, ikke tilladt, ikke tillatt, estetty, odrzucon*, zablokowan*, odmow*,
niedozwolon*, zabronion*, odmitnut*, zamitnut*, blokovan*, zakazan*, nepovolen*, reddedildi,
engellen*, izin verilmiyor, yasak*, elutasit*, tiltott, respins*, blocat*, отклонен*, отказано,
запрещен*, заблокирован*, блокиров*, заборонен*, відхилено, 拒绝, 被拒, 拒絕, 拒收, 禁止,
被阻止, 阻止, 屏蔽, 封锁, 拒否, ブロック, 許可されて, 거부, 차단, 금지, 허용되지, zavrnjen*,
odbijen*, tagasi lukatud, atmest*, noraidit*, отхвърлен*, απορριφθηκε, مرفوض*, تم رفض, נדחה,
נדחתה, ถูกปฏิเสธ, ditolak, tu choi, no access, not liked")
    (allowedsender
     "allowed to use this list, allowed to use the list, post to this list, send to this list,
write to this list, post to this group, accept mail from you, restricts who, who can send to,
restricted who, who may send, known senders, does not accept mail from, senders only,
isnt allowed to send to, are not authorized to send to, permission to send to this,
to this recipient, only certain senders, membres, miembros, membri, membros, mitglieder, leden,
medlemmar, medlemmer, czlonk*, clen*, uyeler*, участник*, подписчик*, 成员, 会員, resolver rst,
authenticatedonly, recipient not authorized, rcpt not allowed, not accept mail from,
not accept messages from, refuses mail from, does not want, only accepts mail, doesnt allow,
restricted address, outside of organization, blocked by recipient,
envelope recipient has been denied, delivery is not allowed to this, not permitted to this,
not accepting mail from, will not accept, allowed senders, allowed senders list,
allowed sender list, not authorized to send to, not allowed to send to,
not permitted to send to, authenticated by organization, authenticated senders only,
authenticated for mailbox, only internal, internal senders, internal use only, internal only,
members only, members of, member of, subscribers, moderated, moderator*, restricted recipient,
restricted to, closed list, list members, not subscribed, must be subscribed, only accept*,
accepts mail only, accept only, accepts only, only from, only to, only allows,
permission to send to, delivery not authorized, delivery restriction*, restrictions on who can,
doesnt accept messages from, does not accept mail from outside,
does not accept mail from external, external senders, outside senders,
outside your organization, external users, private address, local recipients only,
local use only, not for external, whitelist*, white list, allow list, allowlist, same domain,
reject message, rejectmessage, permission to post, not allowed to post, nur fur mitglieder,
nur mitglieder, nur intern*, reserve aux membres, solo miembros, solo membri, alleen leden,
tylko dla, pouze pro, только для, 仅允许, 白名单, 不接收, 拒收, 内部, メンバーのみ, 회원만,
pre approved, preapproved, closed mailing list, moderated list, private list, closed group,
private group, only registered, registered users, nimmt keine nachricht*, nimmt keine mail*,
nimmt keine e mail*, n accepte pas, naccepte pas, no acepta, nao aceita, non accetta,
accepteert geen, nie przyjmuje, neprijima, kabul etmiyor, не принимает, members can,
members may, only members, members alone, internal users only, internal users,
bekannten absendern, accetta solo, mittenti autorizzati, expediteurs autorises,
remitentes autorizados, remetentes autorizados, membership, not a subscriber, non member*,
nonmember*, known contacts, contacts only, address book, recipient preferences,
authorised senders only, authorized senders only, approved by, insiders, staff only,
employees only, nur absender, only senders, from its members, group members,
outside the organization, outside the organisation, outside this organization,
outside the company, outside of the company, outside our organization, outside our company,
external sender, from outside, screened, trusted senders, safe list, safe senders,
invitation only, challenge response, confirm your address, confirmed senders,
permitted senders, does not have permission to send, not on the list of, personal whitelist,
outsiders, outsider, allowed list, not accepting messages from, not accepting email from,
n accepte que, accepte que")
    (disabled
     "nicht freigeschaltet, nicht freigegeben, sparra*, zablokovan*, zablokowan*,
deshabilitad*, cerrad*, inhabilitad*, access disabled, disabled, disable, deactivated,
not active, closed, suspended, suspend, terminated, discontinued, locked, frozen, on hold,
not enabled, not activated, expired account, account expired, turned off, switched off,
dormant, cancelled, unused, retired, deleted, no longer active, no longer in use, deaktiviert,
inaktiv*, stillgelegt, geschlossen, nicht aktiv*, desactive*, inactif, suspendu*, ferme*,
cloture*, desactivad*, inactiv*, suspendid*, cancelad*, desativad*, inativ*, suspens*,
encerrad*, disabilitat*, disattivat*, sospes*, chius*, inattiv*, uitgeschakeld, gedeactiveerd,
opgeheven, avstangd*, inaktiverad*, sparrad*, deaktivert, deaktiveret, lukket, sperret,
wylaczon*, nieaktywn*, zawieszon*, zamkniet*, deaktywowan*, deaktivovan*, zrusen*, vypnut*,
pozastaven*, neaktivn*, devre disi, askiya*, kapatil*, pasif, letiltva, felfuggesztve,
dezactivat*, отключен*, неактив*, приостановлен*, закрыт*, деактивирован*, вимкнено, 禁用,
停用, 冻结, 已关闭, 锁定, 暂停, 注销, 被封, 無効化, 停止, 利用停止, 휴면, 비활성, 정지, 중지,
사용 안함, 사용하지 않, 사용 안 함, 꺼져, 未开启, 未开通, 未启用, 没有开通, 没有开启, 没有启用,
尚未开启, 尚未开通, 無効にな, archived, archivee*, archiviert, not accepting any mail,
is not accepting mail, not accepting messages, not currently being accepted, inutilizz*,
inutilizad*, falta de uso, non usage, decommissioned, removed, no longer in service, abandoned,
de activated, vacated, obsolete, not in use, unmonitored, not monitored, no longer monitored,
not been used, not logged in for, is dead, is gone, no longer accepts, no longer receives,
no longer receiving, verrouill*, vergrendeld*")
    (required
     "use, required, require, requires, must, need, needs, needed, please, necessary,
mandatory, before, first, should, erforderlich, notwendig, benotigt, benoetigt, mussen,
muessen, muss, requis*, necessaire*, devez, doit, obligatoire, requerid*, necesari*, debe,
obligatori*, requier*, necessari*, exigid*, obrigator*, requer, deve, richiest*, obbligator*,
devi, vereist*, nodig, verplicht, moet, kravs, krav, maste, paakravet, kreves, ma, vaaditaan,
wymagan*, konieczn*, musisz, nalezy, vyzadov*, nutn*, musite, gerekli*, gerekiyor, zorunlu,
szukseges, necesar*, требуется, необходим*, нужн*, должн*, потрібн*, 需要, 必须, 请, 必須,
必要, してください, 필요, 하십시오")
    (temporary
     "come back later, temporar*, try again, try later, later, retry, retrying, again later,
at this time, right now, for now, deferred, defer, wait, minutes, seconds, vorubergehend*,
voruebergehend*, zeitweise, spater, spaeter, erneut versuchen, momentan, temporaire*,
plus tard, reessay*, temporal*, mas tarde, intente de nuevo, temporari*, mais tarde,
tente novamente, temporane*, piu tardi, riprova*, tijdelijk*, later opnieuw, tillfallig*,
senare, midlertidig*, senere, tilapai*, myohemmin, tymczasow*, pozniej, sprobuj, docasn*,
pozdeji, gecici*, daha sonra, tekrar, atmenetileg, kesobb, mai tarziu, временн*, позже,
позднее, повторите, тимчасов*, пізніше, 稍后, 暂时, 临时, 稍後, 暫時, 一時的, 後で, しばらく,
나중에, 일시적, 잠시, moment, at the moment, shortly, in a while, in a few, presently,
for the time being, postponed, retry after, resend later, attempt again, try back, reconnect")
    (greylist
     "greylist*, graylist*, grey list*, gray list*, postgrey, milter greylist, greymilter,
grau gelistet, graulist*, liste grise, lista gris, lista cinza, lista grigia, grijze lijst,
szarej liscie, gri liste*, серый список, 灰名单, 灰名單, グレーリスト, 그레이리스트,
isgreylisted, please retry after sometime, new sender, first time sender, unknown triplet,
szara lista, szarej listy, sedy seznam, сером списке, sender recipient pair, recipient pair,
triplet, first contact, erstkontakt, premier contact, primer contacto, primo contatto, embargo,
delaying, not yet known, never seen before, not seen before, unfamiliar,
not yet authorized to deliver, not yet authorised to deliver, triple, first seen, seen first")
    (busy
     "another server, different server, high load, load too high, come back later,
currently unavailable, too many processes, all lines busy, try again shortly, no free,
no more connections, busy, overloaded, overload, too busy, load average, too much load,
system load, shutting down, shutdown, maintenance, service not available, service unavailable,
server unavailable, service temporarily unavailable, server temporarily unavailable,
temporarily unavailable, not available, closing connection, closing transmission channel,
unable to accept, not accepting, cannot accept messages, resources temporarily,
insufficient resources, insufficient system resources, resources restricted, resource shortage,
out of resources, all server ports are busy, all connections in use, no available, congest*,
backlog, backpressure, back pressure, queue too long, queue file limit, uberlastet,
ueberlastet, ausgelastet, wartung*, nicht verfugbar, nicht verfuegbar, surcharge*, occupe*,
indisponible*, non disponible, ocupad*, sobrecargad*, no disponible*, manutenc*,
sobrecarregad*, indisponive*, occupat*, sovraccaric*, non disponibil*, manutenz*, overbelast*,
bezet, niet beschikbaar, onderhoud, upptagen*, overbelastad*, ej tillganglig*, optaget,
travelt, zajet*, przeciazon*, niedostepn*, pretizen*, nedostupn*, mesgul, asiri yuk*,
kullanilamiyor, bakim, tulterhelt, foglalt, ocupat, перегруж*, занят, недоступ*, перевантаж*,
繁忙, 系统忙, 不可用, 维护, 過負荷, 混雑, 混み合って, ビジー, メンテナンス, 利用できません,
과부하, 사용할 수 없, 바쁩니다, 점검, not ready, server not ready, heavy load, queue is full,
queue full, at capacity, too much traffic, offline, outage, too many clients,
rejecting connections, refusing connections, not operational, no slots,
not accepting connections, currently down, queue unavailable, resource limitations,
limited resources, call again, call back later, closed for maintenance, capacity, no capacity,
restart, going down, locked by another")
    (storage
     "disk space, insufficient disk, disk, disk full, no space, insufficient system storage,
insufficient storage, system storage, storage full, storage is full, out of memory,
out of disk, memory, low on disk, low space, space shortage, not enough space, not enough disk,
no space left, space left, spool, spool full, out of space, lack of space, inodes, write error,
error writing, error while writing, allocat*, queue quota, mail system full,
mail system is full, mail system storage, system is full, filesystem, file system,
speicherplatz, festplatte, plattenplatz, kein speicher, espace disque, disque,
espacio en disco, espacio, espaco, spazio, disco, schijfruimte, diskutrymme, diskplads,
miejsca na dysku, brak miejsca, mista na disku, disk alani, нет места, дисков*, места на диске,
磁盘, 磁碟, 存储空间, ディスク, 디스크, enough space, enough storage, enough room,
storage space, storage")
    (internal
     "system problem, mailer error, unknown mailer, temporary system, internal system,
server config*, configuration, contact the administrator of this server, unable to complete,
server is not configured, callback setup, internal, internal error, internal server error,
local error, local problem, error in processing, system error, server error,
configuration error, local configuration error, configuration problem, misconfigur*,
unable to process, error processing, processing error, processing failed, lookup failure,
lookup error, alias lookup, database*, sql, mysql, ldap, queue file write error, queue file,
software error, unexpected error, unexpected, fatal, crash*, exception, programming error,
server side, trouble in, cannot open, unable to open, unable to create, cannot create,
unable to verify, unable to lookup, cannot look up, licen*, plugin*, milter, unable to scan,
scan error, scanner, lua, backend*, back end, delivery failed internally, qq, unable to fork,
unable to exec, policy server, policy service, technical problem*, technical difficult*,
technical, fault, read error, unable to read, temporary failure, temporary problem,
temp failure, temporary error, temporary local problem, local error in, home directory,
deferred for unknown, replicat*, getsockname*, interne*, systemfehler*, serverfehler*,
konfigurationsfehler*, technisch*, erreur interne, erreur systeme, error interno, erro interno,
errore interno, interne fout, internt fel, intern feil, intern fejl, sisainen virhe,
blad wewnetrzny, wewnetrzny*, interni chyba, vnitrni chyba, sunucu hatasi, dahili hata,
belso hiba, eroare interna, внутренн*, ошибка сервера, системная ошибка, внутрішн*, 内部错误,
系统错误, 服务器错误, 內部錯誤, 系統錯誤, 内部エラー, システムエラー, 내부 오류, 시스템 오류,
서버 오류, queuing, queueing, unable to queue, cannot queue, could not queue,
problem attempting, could not be stored, cannot be stored, unable to store, could not store,
queue failure*, unable to check, cannot check, io error, i o error, mailbox store,
message store, malfunction, error occurred, corrupt, corrupted, unable to handle,
cannot process, could not process, unable to process your, daemon, assertion, hardware,
error while reading, alias file, cannot be read, could not be read, went wrong, our side,
query failed, map lookup, lookup failed, lookup unavailable, directory error, content scanner")
    (timeout
     "connection expired, session expired, expired session, took too long, no data, too slow,
time limit, timeout, timed out, time out, timeout exceeded, timeout waiting, timed out waiting,
idle too long, idle, connection lost, lost connection, lost incoming connection,
connection reset, reset by peer, connection dropped, connection closed, unexpected eof,
broken pipe, connection broken, disconnected, data timeout, waiting for data,
waiting for client, waiting for input, read timeout, command timeout, zeituberschreitung*,
zeitueberschreitung*, verbindung abgebrochen, delai, expire delai, tiempo de espera,
tiempo agotado, tempo limite, tempo esgotado, tempo scaduto, time out verbinding, tidsgrans*,
tidsavbrott, przekroczono czas, limit czasu, przekroczony czas, vyprsel cas*, casovy limit,
zaman asimi, sure doldu, idotullep*, таймаут*, тайм аут, время ожидания, истекло время,
час очікування, 超时, 逾時, 逾时, タイムアウト, 시간 초과, ended early, ended prematurely,
incomplete data, incomplete message, message incomplete, premature end, unexpected end,
lost input connection, lost input, input connection, idle for too long, no activity,
hanging up, too slowly, session inactive, disconnected for inactivity, due to inactivity on,
no response from client, silence, stalled, hung up, hang up, unexpected disconnect,
reading body")
    (unreachable
     "deliver the message in time, giving up, could not reach, cannot reach, cant reach,
failed to connect, unable to deliver, delivery attempts, undeliverable after, not answering,
does not respond, does not answer, destination smtp, contact the destination, callout to,
unreachable, not reachable, message expired, delivery time expired, host down,
connection refused by, no route to host, network is unreachable, could not connect,
unable to connect, cannot connect, couldnt connect, unable to establish,
wasnt able to establish, no answer from host, not responding, did not respond, isnt responding,
in the queue too long, been in the queue, retry timeout exceeded, retry time not reached,
could not be delivered for, undelivered, all hosts, mx hosts, all relevant mx,
destination server, destination host, remote server, remote mail server, recipient server,
recipients server, recipient domain server, next hop, deferred connection,
host name lookup failure, dns query failed, dns lookup fail*, dns failure, name server,
nameserver, dns server, name service error, dns timeout, routing, socks connect,
smtp connection, delivery temporarily suspended, bad connection, nicht erreichbar,
injoignable*, inaccesible*, no alcanzable, inacessivel, irraggiungibil*, onbereikbaar,
kan inte nas, nieosiagaln*, nedosazitel*, ulasilam*, elerhetetlen, недостижим*, не отвечает,
无法连接, 连接失败, 到達できません, 연결할 수 없, servfail, dns check*, dns look up,
dns resolving, dns resolution, read error from, resolve route, no route found, find a gateway,
gateway for, failover, alternate host, target ip, mail exchangers, all mail exchangers,
been queued, mail queue for, downstream server, upstream error, upstream server,
destination is down, hosts are down, host is down, server is down, joindre, timed out in queue,
expired in queue, long in queue, contact destination, could not contact, cannot contact,
unable to contact, unable to reach, could not be reached, cannot be reached, not be contacted,
next hop server, connect failed, network unreachable, host unreachable, message delayed,
remote mailserver, mail server is down, mailserver is down,
mail server of the recipient is down")
    (dns
     "dns check*, dns lookup*, dns lookup fail*, dns look up*, dns failure, dns error,
dns query failed, dns timeout, dns resolve*, dns resolution, dns resolving, dns server,
name server, nameserver, host name lookup failure, lookup failure")
    (syntax
     "control or whitespace, contains whitespace, contains spaces, contains a space,
contains illegal, contains invalid, unexpected character*, mal forme*, malformee, mal formada,
malformad*, may not follow, may not contain, email is invalid, email address is invalid,
address is invalid, domain name required, fully qualified address, unqualified,
need fully qualified, fqdn, fully qualified, data format, misformatted address, address syntax,
valid email address, not a valid address, not a valid email, missing at sign,
missing or malformed, empty address, address is empty, syntax, syntax error, syntactically,
malformed, bad syntax, misformat*, not properly formed, badly formed, improperly formatted,
parse error, unparseable, cannot parse, illegal character*, invalid character*, invalid chars,
not rfc compliant, must contain a domain, missing domain, invalid address, bad address,
bad sender address syntax, bad recipient address syntax, invalid address syntax, 501 address,
invalid email address, wrong address format, format error, wrong format, invalid format,
format is incorrect, sender format, unbalanced, missing brackets, domain required, no domain,
unqualified address, syntaxfehler, syntaktisch, ungultige adresse, syntaxe, sintax*, sintass*,
skladni*, syntakticka, sozdizimi, szintaktik*, синтакс*, формат*, 语法, 格式, 語法, 構文, 形式,
書式, 구문, 형식, restricted character*, illegal chars, unsupported character*, at sign*,
address required, requires domain*, requires a domain*, null sender*, empty sender*,
null reverse path*, invalid input, recipient too long, too long recipient, parse message")
    (protocol
     "too many errors, too many bad commands, too many invalid commands,
too many syntax errors, too many unrecognized commands, too many unknown commands,
too many protocol errors, too many nonmail commands, helo ehlo first, protocol synchronization,
notify, must issue, identity changes, need rcpt, no valid recipients,
valid rcpt command must precede, must precede, already specified, helo first, hello first,
ehlo first, say hello, nonmail commands, no recipients, command*, bad sequence,
bad sequence of commands, out of sequence, out of order, send helo first,
polite people say helo first, need mail before, need mail command, nested mail,
sender already specified, sender already given, duplicate mail, protocol error,
protocol violation, synchronization error, unexpected data, improper command pipelining,
pipelining, unrecognized, unrecognised, not recognized, not recognised, not implemented,
unimplemented, unsupported parameter*, unsupported option*, unknown parameter*,
unrecognized parameter*, parameter*, extra characters, chunking, bdat, base64, unknown command,
command not, unknown extension, size parameter, body type, garbage, befehl*,
unbekannter befehl, commande*, comando*, opdracht, kommando*, komend*, polecen*, prikaz*,
komut*, parancs*, comanda*, команд*, параметр*, 命令, 指令, 参数, 参数错误, コマンド,
パラメータ, 명령, 매개변수, already authenticated, already logged in, before greeting,
before the greeting, no data before greeting, before banner, early talker*, talked too early,
spoke too soon, talking too soon, already said, already greeted, already sent, command line,
protocol deviation, mail transaction, auth exchange*, authentication exchange*,
wait for my reply, bad argument*, invalid argument*, pregreet, spoke before, client spoke,
talks before, talking before, out of turn, unexpected command*, deviation, esmtp violation,
smtp violation, unsupported please, destination domains per, destination domains,
ahead of time, active already, already active, already in tls, tls already, auth already,
already done, authentication already, body type not supported")
    (utf8
     "smtputf8, utf8, utf 8, eai, internationalized, internationalised, non ascii,
nonascii, 8bit, 8 bit, 8bitmime, international address*, 8 bit characters, eight bit, idn,
unicode,
character set, character sets, charset*")
    (line
     "line exceeds, exceeds maximum line, line limit, newlines, bare lf, bare cr,
bare linefeed*, bare newline*, bare line feed, bare carriage, stray newline*, bare lfs,
line too long, lines too long, line length, lines longer, line is too long, smtplf, crlf,
line ending*, overlong line*, long line*, maximum line, max line, too long line, linefeed*,
line feeds, nul, null byte*, null character*, control character*, zeile zu lang,
zu lange zeile, zeilen, zeilenlange, zeilenende*, ligne trop longue, linea demasiado larga,
linha muito longa, riga troppo lunga, regel te lang, za dluga linia, linia, linie,
prilis dlouhy radek, satir, sor tul hosszu, слишком длинная строка, строка слишком, 行太长,
行が長, lone lf, lone cr, lone linefeed, lone newline, single lf, naked lf, naked cr, lf,
barelf, body line, text line, line of text, line longer, without lf, without cr, without a cr")
    (verify
     "sender address rejected undeliverable, sender address rejected unverified,
sender address rejected user unknown, could not complete sender verify, verification of sender,
unable to verify sender, undeliverable sender address, sender verify*, sender verification,
sender callout, callout, callback verification, sender address verif*, verification failed for,
could not verify sender, cannot verify sender, unverified sender, verify sender,
undeliverable sender, sender address undeliverable, sender address does not exist,
sender unknown, unknown sender, sender mailbox, sender not found, no such sender,
sender does not exist, sender doesnt exist, return address, sender user unknown,
absender unbekannt, expediteur inconnu, remitente desconocido, remetente desconhecido,
mittente sconosciuto, afzender onbekend, nieznany nadawca, neznamy odesilatel,
отправитель неизвестен, отправитель не существует, 发件人不存在, 发件人地址不存在, 送信者不明,
verify mailfrom, verify mail from, verifying sender, verifying mail from, callback to,
callback failed, callout to sender, sender callback, could not be confirmed,
return address was, postmaster verification, verification failed while checking,
sender could not be checked, callout verification, your own mail server, send bounces,
bounces to your, bounces cannot, reply to your address")
    (owned
     "ei ole lubatud, permission to send from, hoort niet bij, tillhor inte, tilhorer ikke,
ikke lov til, har inte ratt, nemate opravneni, nie masz uprawnien, non hai il permesso,
non autorise a, no tiene permiso, nao tem permissao, 不符, sender signature*, not validated,
is not validated, isnt validated, validate your sender, sender you used is not valid,
not confirmed, unconfirmed, not an approved sender, not an authorized sender,
not an authorised sender, not a valid sender, not valid sender, domain is unverified,
address is unverified, sender is unverified, has not been verified, not been verified,
authorised to send from, authorized to send from, authorised to use this,
authorized to use this, allowed to use this, permitted to use this, authorise the sender,
authorize the sender, nicht verwenden, ne pouvez pas utiliser, no puede usar, nao pode usar,
non puo usare, mag u niet gebruiken, nie mozesz uzyc, nemuzete pouzit, не можете использовать,
无权使用, 無權使用, 使用できません, sender address is not allowed, sender not allowed,
sender is not allowed, address is not allowed, from address not allowed, from address is not,
sender address not allowed, one of your addresses, not permitted to send from,
not permitted to use, use this sender address, use of this from, not allowed to send mail as,
identity, mail from and from, from address must, must be sent from, authenticated as,
auth user, login user, other than, not owned by user, not owned, own address,
not logged in as owner, send as, sendas, send as denied, sendasdenied, on behalf of,
sendonbehalf, permissions to send as, not allowed to send as, not allowed to send from,
not allowed to use this sender, not allowed to use, sender mismatch, must match,
not match the authenticated, not match authenticated, doesnt match authenticated,
mail from must equal, must be the same, must equal, must be same, differ*, different from,
same as, inconsistent, not a verified, not verified, verified sender identity, verified sender,
sender identity, unverified from, unconfigured sending domain, unregistered domain*,
not registered, not associated, not authorized to send from, not authorised to send from,
unauthorized sender, unauthorized sender address, sender address is not valid for your login,
valid for your login, unauthorized to send from, sender is not authorized, sending domain not,
domain is not verified, unverified domain, verified domain*, not one of your, isnt one of your,
does not belong, doesnt belong, belongs to, not your, alias, envelope sender not,
authenticated user, authenticated sender, authenticated id, authorized user,
authorization user, nicht im besitz, gehort nicht, gehoert nicht, stimmt nicht uberein,
nicht uberein*, ubereinstimm*, nicht berechtigt, ne correspond pas, appartient pas,
no coincide, no pertenece, coincid*, nao corresponde, nao pertence, non corrisponde,
non appartiene, komt niet overeen, overeen*, matchar inte, stemmer ikke, nie nalezy,
nie pasuje, niezgodn*, nepatri, neshoduje, neodpovida, eslesmiyor, uyusmuyor, ait degil,
nem egyezik, nu corespunde, не совпадает, не соответствует, не принадлежит, 不一致, 不匹配,
不相符, 不同, 不属于, 一致しません, 異なります, 일치하지, 다릅니다, igual ao, igual a la,
igual al, ser igual, identique*, identisch*, gleich sein, uguale, identic*, gelijk zijn,
samma som, samme som, takie samo, zgodn*, shodn*, ayni olmali*, должен совпадать,
должны совпадать, 必须与, 必须一致, 一致する必要, 같아야, delegate, delegates, delegated,
no delegate, approved sender, approved senders, addr not authorized, addr not authorised,
addr is not authorized, addr is not authorised, addr not allowed, addr is not permitted,
login mismatch, user mismatch, не належить, not in my domain, not in our domain,
not from my domain, not from our domain, must correspond, not correspond, doesnt correspond,
correspond pas, correspondent pas, address must use, must use this domain,
sender not authorized, sender not authorised, sender is not authorised, unauthorised sender,
sender unauthorized, send mail as, send email as, send messages as, you control,
under your control, of your own, your own address, not yours, zugeordnet, nesmite odesilat,
patri, assigned to, not the owner, not owner, no rights to, permission to send as,
match the return path, match the from, match the sender, match your account, match the login,
belong to, linked to, attached to your account, verify ownership, not be used by,
unter dieser adresse, mit dieser adresse, avec cette adresse, con esta direccion,
desde esta direccion, com este endereco, com esse endereco, con questo indirizzo,
da questo indirizzo, met dit adres, vanaf dit adres, от имени, このアドレスから, 이 주소로,
send from this address, send with this address, not equal, equal to, no coincide con,
non coincide, wysylac z tego adresu, odesilat z teto adresy, письма с этого адреса,
отправлять с этого адреса, bu adresten gonder*, confirmed address, for this login,
verified address, own address as sender")
    (mailserver
     "smtp server of your isp, smtp server of your, your isp, your isps, isp mail server,
isps mail server, smarthost, smart host, mailgateway, mail gateway, your providers,
your provider, providers server")
    (ipdenied
     "unauthorized ip, unauthorised ip, ip is not allowed, ip address not allowed,
ip address is not allowed, ip is not authorized, ip address is not authorized")
    (dynamic
     "ipv6, from your network, address family, foreign ip, smtpport, invalid ip,
send email directly, send mail directly, send directly, may not be mail exchanger,
not in whitelist, ip not in, nowl, directly to our servers, directly to our,
invalid ip for sending, dynamic*, dial up, dialup*, dul, residential, home user*, end user*,
pbl, consumer, adsl, dsl, cable, transient ip, generic host*, generic ptr, generic*, dhcp,
pool, client ip hostname, contains your ip address, country, geoip, geo ip, geographic*,
region, ipv6 not, over ipv6, direct to mx, direct connections, direct from, policy block list,
whitelisted ip, ip not allowed, not allowed to connect, authorized ip, authorised ip,
allowed ip, permitted ip, trusted network*, mynetworks, not in the list of allowed, dynamisch*,
einwahl*, dynamique*, dinamic*, dynamiczn*, dinamik, dynamick*, динамич*, 动态, 動態, 動的,
유동, netblock*, ip range, tor exit, proxy*, open proxy, vpn, cloud provider,
ip not authorized, 海外, 国外, 境外, 해외, abroad, overseas, foreign country,
foreign countries, ausland*, etranger, extranjero, estero, host network, network not allowed,
network is not allowed, your network is not, diesem land, from this country, ce pays,
este pais, questo paese, deze land, dit land, tego kraju, teto zeme, этой страны, вашей страны,
국가, geo blocked, geoblock*, geolocation, geo location, from our network, own network,
outside our network, outside of our network, outside the network, aus dem netz, unser netz,
unserem netz, notre reseau, nuestra red, nossa rede, nostra rete, ons netwerk, нашей сети,
this location, your location, port 25, access control rule*, unknown network*, dial,
unassigned, datacenter, data center, hosting network, direct delivery, not an mx, non mx,
anonymizer, countries, regions, dynamically assigned, approved list, not in approved,
home connection*, broadband, home internet, own networks, our networks")
    (policy
     "policy, policies, policy reasons, policy violation, local policy, security policy,
site policy, administrative*, administrator, richtlinie*, politique*, politica*, policyreasons,
beleid, polityk*, zasad*, politik*, политик*, 策略, 政策, ポリシー, 정책, breach*, violat*")
    (app
     "application, app, programs, third party apps, less secure, lsa, aplicativo, приложени*,
apps, mail app, mail apps, other apps, mail clients, mail client, mail programs, mail program,
email clients, email programs, third party, external programs, programme, programmes,
aplicacion, aplicaciones, applicazione, applicazioni, aplikacj*, aplikac*, uygulama*, 应用,
アプリ, 앱")
    (expired
     "expired, has expired, expire, outdated, transition, abgelaufen, caducad*, expirad*,
scadut*, verlopen, wygasl*, vyprsel*, suresi dolmus, lejart, expirat, истек*, срок действия,
过期, 已过期, 期限切れ, 만료, 有効期限, 期限が切れ")
    (weak
     "too weak, weak, too simple, change your password, password change, change password,
must be changed, be changed, reset your password, new password, compromised, too old,
zu schwach, zu einfach, andern sie, aendern sie, changer votre mot de passe,
cambie su contrasena, cambiar su contrasena, altere sua senha, cambia la password,
wijzig uw wachtwoord, zmien haslo, zmente heslo, sifrenizi degistirin, смените пароль,
сменить пароль, измените пароль, 修改密码, 弱密码, 密码过于简单, 变更密码, パスワードを変更,
비밀번호를 변경, has been reset, was reset, choose another, choose a new, data leak, leaked,
data breach, reset for, been reset, renewed, zuruckgesetzt, zurueckgesetzt, geandert werden,
geaendert werden, neues passwort, changez, modifier, changer, modifiez, cambie, cambiarla,
impostarne, cambiala, altere, trocar, nowe haslo, сменить, устарел*, 更改, 修改, 변경,
older than, be replaced, temporary password, one time password")
    (secondfactor
     "two factor, two step, 2 step, 2fa, second factor, zwei faktor, verification en deux,
dos pasos, duas etapas, due fattori")
    (smtp
     "smtp, pop3, imap, externe programme, externe clients, mail clients, mail programs,
external mail, external mail programs, external programs, external clients, email programs,
email clients, mail client, email client, desktop clients, mailprogramm*, e mail programm*,
clients de messagerie, programas de correo")
    (authdown
     "connection lost to authentication server, lost to authentication server,
authentication server, auth server, authentication service, authentication backend,
auth backend")
    (basic
     "access rights to this service, access to this service, enabled for smtp, smtp access,
basic authentication, basic auth, smtp client authentication, smtpclientauthentication,
smtp auth disabled, legacy authentication, smtp authentication is disabled,
authentication is disabled, authentication disabled, auth disabled, smtp service is disabled,
smtp service, smtp is disabled, smtp is not enabled, smtp not enabled, imap smtp, pop3 smtp,
pop imap smtp, smtp disabled, security defaults, conditional access, did not meet the criteria,
protocol disabled, external clients, smtp zugang, smtp zugriff, pop3 imap, smtp versand,
smtp ist deaktiviert, smtp服务, smtp 服务, smtp 服务 未, smtp 서비스, протокол smtp,
доступ по протоколу, plain password*, less secure apps are blocked,
less secure apps are disabled, less secure app access")
    (frozen
     "in your plan, please upgrade, missbrauch*, misbruik, for abuse, abus, abuso,
under review, under investigation, pending approval, pending activation, pending verification,
awaiting approval, awaiting activation, not been approved, not yet approved, not approved,
not been activated, not yet activated, is not activated, in review, being reviewed,
sending is disabled, sending was disabled, sending mail is disabled, activate, not activated,
activation, email outgoing blocked, outgoing blocked, outgoing mail blocked,
unusual sending activity, sending has been disabled, sending disabled, sending suspended,
sending is paused, account under review, on probation, insufficient balance, balance, unpaid,
overdue, payment*, billing, trial, sandbox, free plan, subscription, suspicious activity,
unusual activity, abuse, abused, abusive, compliance, terms of service, outbound spam,
rechnung, impaye*, overtreding, оплат*, 欠费, 欠費, 余额, awaits approval,
waiting for approval, needs approval, to be approved, awaits activation,
confirm your email first, awaiting confirmation, account not subscribed,
account is not subscribed, free quota, paused, demo domain*, tenant has exceeded,
tenant exceeded, invoice, hosting package, your package, not paid, unpaid invoice")
    (rcptmark
     "recipient address rejected, all recipient addresses rejected, recipient rejected")
    (manyrcpt
     "recipients allowed, recipients per message, recipients per mail, addressees,
too many recipients, too many rcpt*, number of recipients, max recipients, maximum recipients,
recipients limit, recipient limit, zu viele empfanger*, zu viele empfaenger*,
trop de destinataires, demasiados destinatarios, muitos destinatarios, troppi destinatari,
te veel ontvangers, for manga mottagare, zbyt wielu odbiorcow, prilis mnoho prijemcu,
cok fazla alici, слишком много получателей, 收件人过多, 收件人数, 收件人数量, 宛先が多すぎ,
수신자가 너무, rcpt number*, number of rcpt*, recipient count, count of recipients,
recipients in excess, recipients exceed*, more recipients than, recipients than,
recipients in one message, recipients in a single, maximum recipient,
recipients in this message, to many recipients, recipient list too, enough recipients,
recipients for one, addressees for one, recipients for")
    (unavailable
     "unavailable, currently unavailable, not available at, nicht verfugbar, non disponible,
no disponible, unavailable to take, is unavailable, not reachable at")
    (unsupported
     "unsupported, not supported, not implemented, not enabled, not available, not offered,
not advertised, unimplemented, nicht unterstutzt, non supporte*, no soportado, nao suportado,
non supportat*, niet ondersteund, stods inte, nieobslugiwan*, nepodporovan*, desteklenmiyor,
не поддерживается, 不支持, サポートされて")
    (rfc
     "rfc 5322, rfc5322, rfc 2822, rfc2822, rfc 822, rfc822, rfc 5321, not rfc compliant,
rfc compliant, rfc non compliant, non compliant, not conform, does not conform, doesnt conform,
nonconform*, non conform*, not comply, does not comply, doesnt comply")
    (unverified
     "unverified address, address verification in progress, verification in progress,
verification pending, not yet verified, recipient verification temporarily,
verification of the recipient, verification of recipient, recipient verification,
being verified, verifying the recipient, still being checked, could not be checked,
cannot be checked, not be checked")
    (same
     "must equal, must match, must be same, must be the same, same as, does not match,
doesnt match, not match, igual ao, igual a la, igual al, ser igual, identique*, identisch*,
gleich sein, uguale, identic*, gelijk zijn, samma som, samme som, takie samo, zgodn*, shodn*,
ayni olmali, должен совпадать, должны совпадать, 必须与, 必须一致, 一致する必要, 같아야,
mismatch*")
    (notallowed
     "not allowed, not permitted, disallowed, prohibited, forbidden, no permission,
not authorized, nicht erlaubt, nicht gestattet, non autoris*, no permitid*, nao permitid*,
non consentit*, niet toegestaan, niedozwolon*, nepovolen*, запрещен*, не разрешен*, 不允许,
禁止, 許可されて, 허용되지, not authorised, unauthorised, unauthorized, 无权,
not have permission, not have permissions, no permissions, lacks permission,
insufficient permission*, insufficient rights, insufficient privilege*, no rights")
    (msgspam
     "message is likely, message is spam, message looks like, message was classified,
message was identified, message appears to be, message has been classified,
message has been identified, message is considered, mail is considered, email is considered,
mail looks like, email looks like, message detected as")
    (spoof
     "anti spoofing, antispoof*, spoof*, forged, impersonat*, fake sender*, faked,
masquerading, forging, forgery, claims to be from, pretends to be, pretending to be")
    (notlocal
     "not local, isnt local, non local, not a local")
    (banned
     "banned")
    (filter
     "content filter*, filter, filtered, inhaltsfilter, filtre, filtro, фильтр*, 过滤,
フィルタ, bayesian filter, bayes filter, says no")
    (notlogged
     "unauthenticated senders, unauthenticated users, unauthenticated clients,
unauthenticated connections, unauthenticated relay*, anonymous, not logged in,
not authenticated, nicht angemeldet, non authentifie*, no autenticad*, nao autenticad*,
non autenticat*, unauthenticated submission*, unauthenticated session*, unauthenticated access,
unauthenticated mail, unauthenticated connection, not an authenticated,
not an authenticated user")
    (perhapsnouser
     "cannot deliver mail for, cannot deliver to, mailbox unavailable, invalid mailbox,
invalid recipient, no such, bad recipient, mailbox not available, undeliverable address,
undeliverable recipient")
    (complaints
     "complaint*, abuse reports, user complaints, spam reports, beschwerden, plaintes, quejas,
reclamac*, жалоб*, 投诉, marked as spam, reported as spam, spam reporting, flagged you")
    (blockedyou
     "has blocked you, blocked your address, blocked your email, blocked your domain,
refuses your mail, does not want your mail, blocked the sender, blocked this sender,
you have been blocked, you are blocked, refused to receive, refuses to receive, want your mail,
want your messages, want your email, want mail from you, reject list, rejected by recipient*,
refused by recipient*, rejected by the recipient, refused by the recipient,
blocked by the recipient, refuses to accept your, refuse to receive, registered as spammer,
ignore list, any more from you, mail from your domain, mail from you, refuses mail from you,
bad name, wants no mail")
    (verified
     "could not be verified, cannot be verified, unable to verify, not verifiable,
verification failed, nicht verifiziert, verifie*, verification failure")
    (ownaccount
     "sender account, senders account, ihr zugang, ihr postfach, dein konto, ditt konto,
votre boite, tu cuenta, su buzon, tu buzon, sua caixa, la tua casella, uw mailbox,
jouw account, twoja skrzynka, vase schranka, vas ucet, ваш ящик, ваш почтовый ящик, твой ящик,
ваша почта, din konto, kontoen din, このアカウント, 您的邮箱, your account, your mailbox,
your user, ihr konto, votre compte, su cuenta, sua conta, il tuo account, uw account,
twoje konto, hesabiniz, ваш аккаунт, ваша учетная запись, 您的帐号, 您的账号")
    (norelay
     "cannot send mail to, through this server, via this server, over this server,
use this server, uber diesen server, par ce serveur, a traves de este servidor,
non-local recipient, relay access denied, relay denied, relaying denied, relay not permitted,
unable to relay, cannot relay, not permitted to relay, relaying not allowed,
relaying prohibited, mail relay denied, relaying disallowed, relay not allowed,
relay operation rejected, as a relay, not relay, relay prohibited, relaying is not,
relay is not, relaying mail, relaying to, to be relayed, wont relay, not an open relay,
weiterleitung nicht, kein relay, relais refuse, relais interdit, relay no permitido,
relay negado, ретрансляция запрещена, relay nao permitido,
isnt in my list of allowed rcpthosts, rcpthosts, open relay not, no open relay,
open relay denied, open relaying, local user only, local users only, mail gate, only mail for,
mail only for, only for its own, own customers, only for customers, customers only,
for our own, only for local, for local users, only accept mail for, only accepts mail for,
only relay for, not deliver to other, foreign domains, fremde domains, not handle mail for,
not served here, domain not served, not accept mail for that domain, do not handle mail for,
dont handle mail for")
    (website
     "website*, web site*, webseite*, web page, web app, web interface, site web,
site internet, sitio web, pagina web, sito web, strona internetowa, stronie,
webovych strankach, веб интерфейс*, на сайте, 网站, ウェブサイト, 웹사이트, online account,
control panel, web console")
    (only
     "only, alone, nur, ausschliesslich, seulement, uniquement, solamente, solo, unicamente,
soltanto, apenas, somente, alleen, tylko, wylacznie, pouze, jen, только, лишь, sadece,
yalnizca, 只, 仅, のみ, 만")
    (enable
     "enable, enable it, turn on, turn it on, switch on, switch it on, activate it,
allow access, account settings, mailbox settings, mail settings, in settings, in the settings,
in your settings, aktivieren, freischalten, einschalten, einstellungen, activer, activez,
parametres, activar, active, habilitar, habilite, ajustes, configuracion, ativar, ative,
configuracoes, attivare, attiva, abilita, abilitare, impostazioni, inschakelen, instellingen,
wlacz, wlaczyc, ustawieniach, zapnout, zapnete, nastaveni, включить, включите, настройках,
开启, 启用, 设置, 設定, 有効, 설정")
    (group
     "group, groups, list, mailing list, mailing lists, distribution list, distribution lists,
distribution group, mailingliste, liste de diffusion, lista de distribucion, lista de correo,
mailinglijst, lista di distribuzione, lista dyskusyjna, рассылки, списка рассылки,
メーリングリスト, 邮件列表, 메일링 리스트"))
  "What is spoken of: (NOTION WORDS).")

;;; The text

(defconst mew-submit-cause-word--help
  (concat "\\(?:\\(?:for \\)?\\(?:more\\|further\\|additional\\) \\(?:info\\|detail\\|help\\)\\|please visit\\|"
          "visit https?:\\|learn more\\|to learn\\|\\(?:please \\)?refer to\\|\\(?:please \\)?see:? *<?https?:\\|"
          "to review\\|to request removal\\|to protect \\(?:our \\)?users\\|to reduce the amount\\|"
          "weitere info\\|plus d'info\\|m[aá]s info\\|подробн\\|详情\\|https?:\\)")
  "Where a reply goes over from its reason to where help is.")

(defun mew-submit-cause-word--reason (text)
  "Return TEXT without its end, in which there is only where help is."
  (let ((case-fold-search t)
        (text (substring text 0 (min (length text) mew-submit-cause-word--max))))
    (if (and (string-match mew-submit-cause-word--help text)
             (string-match-p "[[:alpha:]]" (substring text 0 (match-beginning 0))))
        (substring text 0 (match-beginning 0))
      text)))

;;; The table of words

(defun mew-submit-cause-word--letter (char)
  "Return CHAR without accent, a character."
  (let ((base char) (next nil))
    (while (and (< #x7F base #x2000)
                (characterp
                 (setq next (car (get-char-code-property base 'decomposition))))
                (/= next base))
      (setq base next))
    (or (cdr (assq base '((?ł . ?l) (?ø . ?o) (?đ . ?d) (?ı . ?i) (?æ . ?a)
                          (?ё . ?е))))
        base)))

(defun mew-submit-cause-word--kind (char)
  "Return what CHAR is in a text: `word', `glyph' (a word by itself) or nil."
  (cond ((or (<= ?a char ?z) (<= ?0 char ?9)) 'word)
        ((< char #x80) nil)
        ((or (<= #x2E80 char #x2FFF) (<= #x3005 char #x3007)) 'glyph)
        ((<= #x3040 char #x30FF) 'glyph)
        ((<= #x3400 char #x9FFF) 'glyph)
        ((or (<= #xAC00 char #xD7AF) (<= #x0E00 char #x0E7F)) 'glyph)
        ((memq (get-char-code-property char 'general-category)
               '(Ll Lo Lm Mn Mc Nd))
         'word)))

(defun mew-submit-cause-word--plain (text)
  "Return TEXT, of which only words remain, with a space before and after each.
Addresses become \"addr\", IP addresses \"ipaddr\"; an apostrophe joins."
  (let* ((text (substring text 0 (min (length text) mew-submit-cause-word--max)))
         (case-fold-search nil)
         (text (replace-regexp-in-string
                "[^][ \t<>()\"',;:=|]+@[^][ \t<>()\"',;:|]*" " addr " text t t))
         (text (replace-regexp-in-string
                "\\b[0-9]\\{1,3\\}\\(?:\\.[0-9]\\{1,3\\}\\)\\{3\\}\\b\\|\\b\\(?:[0-9a-fA-F]\\{1,4\\}:\\)\\{1,7\\}\\(?::[0-9a-fA-F:./]*\\|\\(?:[0-9a-fA-F]\\{1,4\\}:\\)\\{2,\\}[0-9a-fA-F./]*\\)"
                " ipaddr " text t t))
         (last nil)
         (out (list ?\s)))
    (dotimes (index (length text))
      (let* ((raw (aref text index))
             (char (mew-submit-cause-word--letter (downcase raw)))
             (kind (mew-submit-cause-word--kind char)))
        (cond ((memq raw '(?' ?’ ?´))
               ;; "can't" is "cant", "l'adresse" two words.
               (when (and last (eq (nth 1 out) ?\s))
                 (push ?\s out)
                 (setq last nil)))
              ((eq char ?ß) (push ?s out) (push ?s out) (setq last 'word))
              ((not kind) (when last (push ?\s out)) (setq last nil))
              (t
               (when (and last
                          (or (eq kind 'glyph) (eq last 'glyph)
                              ;; "NoSuchUser" is three words.
                              (and (/= raw (downcase raw)) (eq last 'small))))
                 (push ?\s out))
               (push char out)
               (setq last (cond ((eq kind 'glyph) 'glyph)
                                ((and (= raw (downcase raw)) (not (<= ?0 raw ?9)))
                                 'small)
                                (t 'word)))))))
    (when last (push ?\s out))
    (concat (nreverse out))))

;; They are in a hash table, by how they begin: for a tree by characters six times as many
;; conses are made, and the first refusal would have Emacs stand still for that.  What has to
;; end with a word has its space behind it.
(defun mew-submit-cause-word--key (text start size)
  "Return SIZE characters of TEXT from START, or what there is of them."
  (substring text start (min (+ start size) (length text))))

(defun mew-submit-cause-word--add (table words notion)
  "Put each of WORDS, a string with \",\" between them, into TABLE for NOTION."
  (dolist (word (split-string words ",[ \t\n]*" t "[ \t\n]+"))
    (let* ((case-fold-search nil)
           (stem (string-suffix-p "*" word))
           (plain (if (string-match-p "\\`[a-z]+\\(?: [a-z]+\\)*[*]?\\'" word)
                      (concat (string-remove-suffix "*" word) " ")
                    (substring (mew-submit-cause-word--plain word) 1)))
           (text (if stem (substring plain 0 -1) plain))
           (key (mew-submit-cause-word--key text 0 3))
           (same (assoc text (gethash key table))))
      (if same
          (cl-pushnew notion (cdr same))
        (push (list text notion) (gethash key table))))))

(defun mew-submit-cause-word--table (&rest tables)
  "Return the words of TABLES, each a list of (NOTION WORDS), to be looked up."
  (let ((table (make-hash-table :test #'equal :size 2048)))
    (pcase-dolist (`(,notion ,words . ,_) (apply #'append tables))
      (mew-submit-cause-word--add table words notion))
    table))

(defun mew-submit-cause-word--longest (table plain start)
  "Return (NOTIONS . END) of the longest word or phrase of TABLE at START in PLAIN."
  (let ((longest 0) found)
    ;; The shortest words have two characters, one of which may be the space.
    (dolist (characters '(2 3))
      (pcase-dolist (`(,text . ,notions)
                     (gethash (mew-submit-cause-word--key plain start characters) table))
        (let ((size (if (string-suffix-p " " text) (1- (length text)) (length text))))
          (when (and (>= size longest)
                     (eq t (compare-strings text nil nil
                                            plain start (+ start (length text)))))
            (setq found (if (> size longest) notions (append notions found))
                  longest size)))))
    (and found (cons found (+ start longest)))))

(defun mew-submit-cause-word--notions (table text)
  "Return the notions of TABLE that TEXT speaks of, in the order they come."
  (let* ((plain (mew-submit-cause-word--plain text))
         (index 1)
         (length (length plain))
         notions)
    (while (< index length)
      (let ((found (mew-submit-cause-word--longest table plain index)))
        (dolist (notion (car found))
          (cl-pushnew notion notions))
        ;; On to the next word.
        (setq index (1+ (or (string-search " " plain (or (cdr found) index))
                            length)))))
    (nreverse notions)))

(provide 'mew-submit-cause-word)
;;; mew-submit-cause-word.el ends here
